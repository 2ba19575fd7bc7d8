/** Who is online where, in SQL. `ownServer` stands for this relay. Keys are 32 bytes in the tables and hex outside. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'
import type { KeyHex, PresenceProof, ServerName } from '../contract.ts'
import { inPieces, valuesOf } from '../database/many.ts'

export const ownServer = ''

export interface Presence {
  readonly server: ServerName
  readonly key: KeyHex
  readonly expiresAt: number
  readonly staged: number
  readonly behind: boolean
  /** When its proof was made; undefined: there is none. */
  readonly proofAt: number | undefined
  readonly proof: PresenceProof | undefined
}

interface Row {
  readonly server: string
  readonly mailbox_key: Uint8Array
  readonly expires_at: number
  readonly staged: number
  readonly behind: number
  readonly proof_at: number | null
  readonly challenge: string | null
  readonly r: string | null
  readonly signature: string | null
  readonly bound_host: string | null
}

const columns =
  'server, mailbox_key, expires_at, staged, behind, proof_at, challenge, r, signature, bound_host'

export const keyBytes = (key: KeyHex): Uint8Array => Buffer.from(key, 'hex')
export const keyHex = (bytes: Uint8Array): KeyHex =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

function presenceOf(row: Row): Presence {
  const { challenge, r, signature, bound_host: boundHost } = row
  const proof =
    challenge === null || r === null || signature === null
      ? undefined
      : { challenge, r, signature, ...(boundHost === null ? {} : { boundHost }) }
  return {
    server: row.server,
    key: keyHex(row.mailbox_key),
    expiresAt: row.expires_at,
    staged: row.staged,
    behind: row.behind === 1,
    proofAt: row.proof_at ?? undefined,
    proof,
  }
}

/** The row of a key at a server, expired or not. */
export async function presenceAt(
  tx: Pick<ReadTx, 'get'>,
  server: ServerName,
  key: KeyHex,
): Promise<Presence | undefined> {
  const sql = `SELECT ${columns} FROM skrepka_presence WHERE server = $1 AND mailbox_key = $2`
  const row = await tx.get<Row>(sql, [server, keyBytes(key)])
  return row === undefined ? undefined : presenceOf(row)
}

/** Whether a key is online here at `nowMs`. */
export async function isHere(tx: Pick<ReadTx, 'get'>, key: KeyHex, nowMs: number): Promise<boolean> {
  const sql =
    'SELECT 1 AS one FROM skrepka_presence WHERE server = $1 AND mailbox_key = $2 AND expires_at > $3'
  return (await tx.get(sql, [ownServer, keyBytes(key), nowMs])) !== undefined
}

const anyElsewhereSql = `SELECT 1 AS one FROM skrepka_presence WHERE server > '${ownServer}' LIMIT 1`

/** Where else keys are online at `nowMs`, in the order of names. Keys that are nowhere else are not in it. */
export async function elsewhere(
  tx: Pick<ReadTx, 'all'>,
  keys: readonly KeyHex[],
  nowMs: number,
): Promise<ReadonlyMap<KeyHex, readonly Pick<Presence, 'server' | 'staged' | 'behind'>[]>> {
  const places = new Map<KeyHex, Pick<Presence, 'server' | 'staged' | 'behind'>[]>()
  // A relay that hears of nobody elsewhere pays for one look, not for one a key.
  if ((await tx.all(anyElsewhereSql)).length === 0) return places
  await inPieces({
    name: 'elsewhere',
    rows: keys,
    build: count =>
      `SELECT server, mailbox_key, staged, behind FROM skrepka_presence
       WHERE mailbox_key IN ${valuesOf(1, count)} AND server <> $${count + 1} AND expires_at > $${count + 2}
       ORDER BY server`,
    run: async (sql, piece) => {
      const rows = await tx.all<Pick<Row, 'server' | 'mailbox_key' | 'staged' | 'behind'>>(sql, [
        ...piece.map(keyBytes),
        ownServer,
        nowMs,
      ])
      for (const { server, mailbox_key: bytes, staged, behind } of rows) {
        const key = keyHex(bytes)
        const place = { server, staged, behind: behind === 1 }
        const known = places.get(key)
        if (known === undefined) places.set(key, [place])
        else known.push(place)
      }
    },
  })
  return places
}

/** Writes a row; what was looked at for it stays as it was. */
export async function putPresence(
  tx: Pick<Tx, 'run'>,
  presence: Pick<Presence, 'server' | 'key' | 'expiresAt' | 'proofAt' | 'proof'>,
): Promise<void> {
  const { server, key, expiresAt, proofAt, proof } = presence
  await tx.run(
    `INSERT INTO skrepka_presence (server, mailbox_key, expires_at, proof_at, challenge, r, signature, bound_host)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (server, mailbox_key) DO UPDATE SET expires_at = excluded.expires_at, proof_at = excluded.proof_at,
       challenge = excluded.challenge, r = excluded.r, signature = excluded.signature, bound_host = excluded.bound_host`,
    [
      server,
      keyBytes(key),
      expiresAt,
      proofAt ?? null,
      proof?.challenge ?? null,
      proof?.r ?? null,
      proof?.signature ?? null,
      proof?.boundHost ?? null,
    ],
  )
}

/** Gives whether there was one. */
export async function dropPresence(tx: Pick<Tx, 'run'>, server: ServerName, key: KeyHex): Promise<boolean> {
  const sql = 'DELETE FROM skrepka_presence WHERE server = $1 AND mailbox_key = $2'
  return (await tx.run(sql, [server, keyBytes(key)])).changes > 0
}

/** Remembers up to which number of its mailbox a key was looked at for a server, and whether there is more. */
export async function markStaged(
  tx: Pick<Tx, 'run'>,
  presence: Pick<Presence, 'server' | 'key' | 'staged' | 'behind'>,
): Promise<void> {
  await tx.run(
    'UPDATE skrepka_presence SET staged = $3, behind = $4 WHERE server = $1 AND mailbox_key = $2',
    [presence.server, keyBytes(presence.key), presence.staged, presence.behind ? 1 : 0],
  )
}

/** Keys at a server for which there was no room, at most `limit`. */
export async function behindAt(
  tx: Pick<ReadTx, 'all'>,
  server: ServerName,
  limit: number,
): Promise<readonly Presence[]> {
  const sql = `SELECT ${columns} FROM skrepka_presence WHERE server = $1 AND behind = 1 ORDER BY mailbox_key LIMIT $2`
  return (await tx.all<Row>(sql, [server, limit])).map(presenceOf)
}

/** How many keys are known at a server, counted up to `max`. */
export async function countAt(tx: Pick<ReadTx, 'get'>, server: ServerName, max: number): Promise<number> {
  const sql =
    'SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM skrepka_presence WHERE server = $1 LIMIT $2) AS counted'
  return (await tx.get<{ n: number }>(sql, [server, max]))?.n ?? 0
}

/** How many keys are known at peers in all, and how many of these without a proof. */
export async function countElsewhere(
  tx: Pick<ReadTx, 'get'>,
): Promise<{ readonly all: number; readonly unproven: number }> {
  const row = await tx.get<{ all_rows: number; proven: number }>(
    'SELECT COUNT(*) AS all_rows, COUNT(proof_at) AS proven FROM skrepka_presence WHERE server <> $1',
    [ownServer],
  )
  return { all: row?.all_rows ?? 0, unproven: (row?.all_rows ?? 0) - (row?.proven ?? 0) }
}

/** Keys that are online here, ascending, after `after` (exclusive). */
export async function presentHere(
  tx: Pick<ReadTx, 'all'>,
  page: { readonly after: KeyHex; readonly limit: number; readonly nowMs: number },
): Promise<readonly Presence[]> {
  const sql = `SELECT ${columns} FROM skrepka_presence
    WHERE server = $1 AND mailbox_key > $2 AND expires_at > $3 ORDER BY mailbox_key LIMIT $4`
  return (await tx.all<Row>(sql, [ownServer, keyBytes(page.after), page.nowMs, page.limit])).map(presenceOf)
}

/** The keys that are online at a server, ascending, at most `limit`. */
export async function onlineKeys(
  tx: Pick<ReadTx, 'all'>,
  server: ServerName,
  nowMs: number,
  limit: number,
): Promise<readonly KeyHex[]> {
  const rows = await tx.all<{ mailbox_key: Uint8Array }>(
    `SELECT mailbox_key FROM skrepka_presence WHERE server = $1 AND expires_at > $2
     ORDER BY mailbox_key LIMIT $3`,
    [server, nowMs, limit],
  )
  return rows.map(row => keyHex(row.mailbox_key))
}

/** Takes away at most `limit` rows that ended by `nowMs`, and gives them in the order of their keys. */
export async function dropExpired(
  tx: Pick<Tx, 'all'>,
  nowMs: number,
  limit: number,
): Promise<readonly Pick<Presence, 'server' | 'key'>[]> {
  const rows = await tx.all<{ server: string; mailbox_key: Uint8Array }>(
    `DELETE FROM skrepka_presence WHERE (server, mailbox_key) IN (
       SELECT server, mailbox_key FROM skrepka_presence WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)
     RETURNING server, mailbox_key`,
    [nowMs, limit],
  )
  return rows
    .map(row => ({ server: row.server, key: keyHex(row.mailbox_key) }))
    .toSorted((a, b) => (a.server + a.key < b.server + b.key ? -1 : 1))
}
