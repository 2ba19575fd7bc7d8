/** Records by their path. Their bytes are blocks. Store only. CIDs are 36 bytes. */
import type { ReadTx, SqlValue, Tx } from '../../kernel/storage/database.ts'
import type { AccountStatus } from './accounts.ts'
import { inPieces } from './pieces.ts'

export interface RecordRow {
  readonly rkey: string
  readonly cid: Uint8Array
}

/** Who was asked for, with the record at a path; the record's columns are null when it is not there. */
export interface FoundRecord {
  readonly did: string
  readonly status: AccountStatus
  readonly cid: Uint8Array | null
}

/** And its block; null when it is not stored. */
export interface FoundBlock extends FoundRecord {
  readonly bytes: Uint8Array | null
}

/** An account, by DID or (lower-case) handle, and its record at a path, in one look. Undefined: there is no such account. */
export function findRecord(
  tx: ReadTx,
  repo: string,
  path: { readonly collection: string; readonly rkey: string },
): Promise<FoundRecord | undefined> {
  const sql = repo.startsWith('did:') ? findSql.did : findSql.handle
  return tx.get<FoundRecord>(sql, [repo, path.collection, path.rkey])
}

/** The same with the record's bytes. */
export function findRecordBlock(
  tx: ReadTx,
  repo: string,
  path: { readonly collection: string; readonly rkey: string },
): Promise<FoundBlock | undefined> {
  const sql = repo.startsWith('did:') ? findBlockSql.did : findBlockSql.handle
  return tx.get<FoundBlock>(sql, [repo, path.collection, path.rkey])
}

const atPath = 'LEFT JOIN pds_records r ON r.account = a.id AND r.collection = $2 AND r.rkey = $3'
const findBy = (column: 'did' | 'handle') =>
  `SELECT a.did, a.status, r.cid FROM pds_accounts a ${atPath} WHERE a.${column} = $1`
const findBlockBy = (column: 'did' | 'handle') =>
  `SELECT a.did, a.status, r.cid, b.bytes FROM pds_accounts a ${atPath}
   LEFT JOIN pds_blocks b ON b.account = r.account AND b.cid = r.cid WHERE a.${column} = $1`
const findSql = { did: findBy('did'), handle: findBy('handle') } as const
const findBlockSql = { did: findBlockBy('did'), handle: findBlockBy('handle') } as const

/** The CID of the record at a path. */
export async function recordCidAt(
  tx: ReadTx,
  account: number,
  path: { readonly collection: string; readonly rkey: string },
): Promise<Uint8Array | undefined> {
  const row = await tx.get<{ cid: Uint8Array }>(
    'SELECT cid FROM pds_records WHERE account = $1 AND collection = $2 AND rkey = $3',
    [account, path.collection, path.rkey],
  )
  return row?.cid
}

export interface RecordRange {
  readonly collection: string
  /** Both exclusive. */
  readonly after?: string | undefined
  readonly before?: string | undefined
  readonly order: 'ascending' | 'descending'
  readonly limit: number
}

/** Records of one collection, in the order of their keys. */
export function recordsIn(tx: ReadTx, account: number, range: RecordRange): Promise<RecordRow[]> {
  const { collection, after, before, order, limit } = range
  const values: SqlValue[] = [account, collection, limit]
  const bound = (comparison: string, rkey: string | undefined) =>
    rkey === undefined ? '' : ` AND rkey ${comparison} $${values.push(rkey)}`
  const bounds = bound('>', after) + bound('<', before)
  return tx.all<RecordRow>(
    `SELECT rkey, cid FROM pds_records WHERE account = $1 AND collection = $2${bounds}
     ORDER BY rkey ${order === 'ascending' ? 'ASC' : 'DESC'} LIMIT $3`,
    values,
  )
}

/** Collections of an account at most that are told. */
const collectionsMax = 10_000

/** The collections in which an account has records, ascending. */
export async function collectionsOf(tx: ReadTx, account: number): Promise<readonly string[]> {
  const names: string[] = []
  // From name to name along the index: the number of records does not matter.
  while (names.length < collectionsMax) {
    const row = await tx.get<{ collection: string }>(
      'SELECT collection FROM pds_records WHERE account = $1 AND collection > $2 ORDER BY collection LIMIT 1',
      [account, names.at(-1) ?? ''],
    )
    if (row === undefined) break
    names.push(row.collection)
  }
  return names
}

export interface RecordChange {
  readonly collection: string
  readonly rkey: string
  /** Null: the record goes. */
  readonly cid: Uint8Array | null
}

/** Writes and deletes records. No path may come twice. */
export async function changeRecords(
  tx: Tx,
  account: number,
  at: { readonly rev: string; readonly nowMs: number },
  changes: readonly RecordChange[],
): Promise<void> {
  const written = changes.filter(change => change.cid !== null)
  for (const piece of inPieces(written)) {
    const values: SqlValue[] = [account, at.rev, at.nowMs]
    for (const { collection, rkey, cid } of piece) values.push(collection, rkey, cid)
    await tx.run(writeSql(piece.length), values)
  }
  for (const { collection, rkey, cid } of changes) {
    if (cid !== null) continue
    await tx.run('DELETE FROM pds_records WHERE account = $1 AND collection = $2 AND rkey = $3', [
      account,
      collection,
      rkey,
    ])
  }
}

const writeSqls = new Map<number, string>()

function writeSql(rows: number): string {
  const known = writeSqls.get(rows)
  if (known !== undefined) return known
  const tuples = Array.from(
    { length: rows },
    (_, row) => `($1, $2, $3, $${4 + row * 3}, $${5 + row * 3}, $${6 + row * 3})`,
  )
  const sql = `INSERT INTO pds_records (account, rev, indexed_at, collection, rkey, cid) VALUES ${tuples.join(', ')}
     ON CONFLICT (account, collection, rkey)
     DO UPDATE SET cid = excluded.cid, rev = excluded.rev, indexed_at = excluded.indexed_at`
  writeSqls.set(rows, sql)
  return sql
}

/** Deletes every record of an account. */
export async function deleteRecords(tx: Tx, account: number): Promise<void> {
  await tx.run('DELETE FROM pds_records WHERE account = $1', [account])
}

/** How many records all accounts have together. */
export async function countRecords(tx: ReadTx): Promise<number> {
  const row = await tx.get<{ count: number }>('SELECT sum(record_count) AS count FROM pds_repo_state')
  return Number(row?.count ?? 0)
}
