/** Streams as rows. */
import type { ReadTx, SqlValue, Tx } from '../../kernel/storage/database.ts'

export interface StreamRecord {
  readonly id: number
  readonly did: string
  readonly payer: string
  readonly module: string
  readonly generation: number
  readonly head: number
  readonly headHash: Uint8Array
  readonly stateHead: number
  readonly stateKept: number
  readonly bytes: number
  readonly frozen: number
  readonly handle: string | null
  readonly clientStamp: string | null
  readonly signingKey: string | null
  readonly node: string | null
  readonly createdAt: number
}

const columns = `s.id, s.did, s.payer, s.module, s.generation, s.head, s.head_hash AS "headHash",
  s.state_head AS "stateHead", s.state_kept AS "stateKept", s.bytes, s.frozen, s.handle,
  s.client_stamp AS "clientStamp", s.signing_key AS "signingKey", s.node, s.created_at AS "createdAt"`

export function streamByDid(tx: ReadTx, did: string): Promise<StreamRecord | undefined> {
  return tx.get(`SELECT ${columns} FROM streams_stream s WHERE s.did = $1`, [did])
}

/** The number of a stream, which it keeps for ever. */
export async function streamIdOf(tx: ReadTx, did: string): Promise<number | undefined> {
  const row = await tx.get<{ id: number }>('SELECT id FROM streams_stream WHERE did = $1', [did])
  return row?.id
}

export function streamById(tx: ReadTx, id: number): Promise<StreamRecord | undefined> {
  return tx.get(`SELECT ${columns} FROM streams_stream s WHERE s.id = $1`, [id])
}

/** What `frozen` is while a stream is brought in; 1 is an operator's wish. */
export const frozenForImport = 2

export interface NewStream {
  readonly did: string
  readonly owners: readonly [string, ...string[]]
  readonly module: string
  readonly clientStamp: string | null
  readonly signingKey: string | null
  readonly signingKeySealed: Uint8Array | null
  readonly node: string | null
  /** Its events are still to come: nothing else can be added to it. */
  readonly importing?: boolean
  readonly createdAt: number
}

/** Adds a stream without events, with its first build; gives its number, or undefined when the DID is there already. */
export async function insertStream(tx: Tx, stream: NewStream): Promise<number | undefined> {
  const row = await tx.get<{ id: number }>(
    `INSERT INTO streams_stream (did, payer, module, generation, generations, head_hash, client_stamp, signing_key,
       signing_key_sealed, node, frozen, created_at)
     VALUES ($1, $2, $3, 1, 1, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING id`,
    [
      stream.did,
      stream.owners[0],
      stream.module,
      new Uint8Array(32),
      stream.clientStamp,
      stream.signingKey,
      stream.signingKeySealed,
      stream.node,
      stream.importing === true ? frozenForImport : 0,
      stream.createdAt,
    ],
  )
  if (row === undefined) return undefined
  for (const owner of new Set(stream.owners)) {
    await tx.run('INSERT INTO streams_owner (owner, stream) VALUES ($1, $2)', [owner, row.id])
  }
  return row.id
}

/** The owners of a stream, the payer among them. */
export async function ownersOf(tx: ReadTx, id: number): Promise<readonly string[]> {
  const rows = await tx.all<{ owner: string }>(
    'SELECT owner FROM streams_owner WHERE stream = $1 ORDER BY owner',
    [id],
  )
  return rows.map(row => row.owner)
}

export async function ownsStream(tx: ReadTx, did: string): Promise<boolean> {
  return (await tx.get('SELECT 1 AS one FROM streams_owner WHERE owner = $1 LIMIT 1', [did])) !== undefined
}

export interface Advance {
  readonly id: number
  /** Null on SQLite. */
  readonly node: string | null
  readonly from: number
  readonly to: number
  readonly headHash: Uint8Array
  readonly bytes: number
}

/** Moves the log's head. False when it is elsewhere, frozen, or another node's: then nothing may be stored. */
export async function advanceHead(
  tx: Tx,
  { id, node, from, to, headHash, bytes }: Advance,
): Promise<boolean> {
  const fence = node === null ? '' : ' AND node = $6'
  const { changes } = await tx.run(
    `UPDATE streams_stream SET head = $1, head_hash = $2, bytes = bytes + $3
     WHERE id = $4 AND head = $5 AND frozen = 0${fence}`,
    [to, headHash, bytes, id, from, ...(node === null ? [] : [node])],
  )
  return changes === 1
}

/** Moves the head of the state journal; as `advanceHead`. */
export async function advanceStateHead(
  tx: Tx,
  { id, node, from, to }: Pick<Advance, 'id' | 'node' | 'from' | 'to'>,
): Promise<boolean> {
  const fence = node === null ? '' : ' AND node = $4'
  const { changes } = await tx.run(
    `UPDATE streams_stream SET state_head = $1 WHERE id = $2 AND state_head = $3 AND frozen = 0${fence}`,
    [to, id, from, ...(node === null ? [] : [node])],
  )
  return changes === 1
}

/** As `advanceHead`, of a stream that is being brought in. */
export async function extendImport(tx: Tx, { id, from, to, headHash, bytes }: Advance): Promise<boolean> {
  const { changes } = await tx.run(
    `UPDATE streams_stream SET head = $1, head_hash = $2, bytes = bytes + $3
     WHERE id = $4 AND head = $5 AND frozen = ${frozenForImport}`,
    [to, headHash, bytes, id, from],
  )
  return changes === 1
}

export interface Imported {
  readonly stateHead: number
  readonly stateKept: number
  readonly frozen: boolean
  readonly handle: string | null
}

/** All of it is here; its state has the journal up to `stateKept` in it. */
export async function endImport(tx: Tx, id: number, imported: Imported): Promise<void> {
  const { stateHead, stateKept, frozen, handle } = imported
  await tx.run(
    `UPDATE streams_stream SET frozen = $1, handle = $2, state_head = $3, state_kept = $4
     WHERE id = $5 AND frozen = ${frozenForImport}`,
    [frozen ? 1 : 0, handle, stateHead, stateKept, id],
  )
}

/** Whether there is such a stream, which is not being brought in. */
export async function setFrozen(tx: Tx, did: string, frozen: boolean): Promise<boolean> {
  const { changes } = await tx.run(
    `UPDATE streams_stream SET frozen = $1 WHERE did = $2 AND frozen <> ${frozenForImport}`,
    [frozen ? 1 : 0, did],
  )
  return changes > 0
}

export async function setHandle(tx: Tx, id: number, handle: string | null): Promise<void> {
  await tx.run('UPDATE streams_stream SET handle = $1 WHERE id = $2', [handle, id])
}

export async function sealedKeyOf(tx: ReadTx, id: number): Promise<Uint8Array | undefined> {
  const row = await tx.get<{ sealed: Uint8Array | null }>(
    'SELECT signing_key_sealed AS sealed FROM streams_stream WHERE id = $1',
    [id],
  )
  return row?.sealed ?? undefined
}

export interface ListedStream extends StreamRecord {
  readonly owners: readonly string[]
}

/** Streams with a did > `after`, by did; only those of `owner` when it is given. */
export async function listStreams(
  tx: ReadTx,
  { owner, after, limit }: { readonly owner?: string; readonly after: string; readonly limit: number },
): Promise<readonly ListedStream[]> {
  const own = owner === undefined ? '' : 'JOIN streams_owner o ON o.stream = s.id AND o.owner = $3'
  const params: SqlValue[] = [after, limit, ...(owner === undefined ? [] : [owner])]
  const rows = await tx.all<StreamRecord>(
    `SELECT ${columns} FROM streams_stream s ${own} WHERE s.did > $1 ORDER BY s.did LIMIT $2`,
    params,
  )
  const last = rows.at(-1)
  if (last === undefined) return []
  const owners = await tx.all<{ stream: number; owner: string }>(
    `SELECT o.stream, o.owner FROM streams_owner o JOIN streams_stream s ON s.id = o.stream
     WHERE s.did > $1 AND s.did <= $2 ORDER BY o.owner`,
    [after, last.did],
  )
  const ownersByStream = Map.groupBy(owners, row => row.stream)
  return rows.map(row => ({
    ...row,
    owners: (ownersByStream.get(row.id) ?? []).map(({ owner: one }) => one),
  }))
}

/** How many there are, and what they hold; for status. */
export async function countStreams(
  tx: ReadTx,
): Promise<{ readonly streams: number; readonly events: number }> {
  const row = await tx.get<{ streams: number; events: number }>(
    'SELECT count(*) AS streams, CAST(coalesce(sum(head), 0) AS BIGINT) AS events FROM streams_stream',
  )
  return { streams: row?.streams ?? 0, events: row?.events ?? 0 }
}
