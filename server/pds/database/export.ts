/** Many blocks at once, for exports, and lists of repositories. Store only. CIDs are 36 bytes. */
import { cidKey } from '@leaf/atproto/cid'
import type { Did } from '../../kernel/identity/types.ts'
import type { ReadTx, SqlValue } from '../../kernel/storage/database.ts'
import type { AccountStatus } from './accounts.ts'

/** CIDs of one statement. Fewer are filled up, so that each text is prepared once. */
const listSizes = [16, 256] as const

const lists = new Map(
  listSizes.map(size => [size, Array.from({ length: size }, (_, index) => `$${index + 3}`).join(', ')]),
)

/**
 * Blocks by `cidKey`. Null for one that came with `since` or before (all are later than ''); absent if there is no such
 * block.
 */
export async function blocksSince(
  tx: ReadTx,
  account: number,
  cids: readonly Uint8Array[],
  since = '',
): Promise<ReadonlyMap<string, Uint8Array | null>> {
  const found = new Map<string, Uint8Array | null>()
  for (let at = 0; at < cids.length; ) {
    const size = cids.length - at <= listSizes[0] ? listSizes[0] : listSizes[1]
    const piece: SqlValue[] = cids.slice(at, at + size)
    const last = piece.at(-1)
    while (last !== undefined && piece.length < size) piece.push(last)
    const rows = await tx.all<{ cid: Uint8Array; bytes: Uint8Array | null }>(
      `SELECT cid, CASE WHEN rev > $2 THEN bytes END AS bytes FROM pds_blocks
       WHERE account = $1 AND cid IN (${lists.get(size)})`,
      [account, since, ...piece],
    )
    for (const { cid, bytes } of rows) found.set(cidKey(cid), bytes)
    at += size
  }
  return found
}

export interface StoredBlock {
  readonly cid: Uint8Array
  readonly bytes: Uint8Array
}

/** Blocks in the order of their CIDs, after `after` (at first: no bytes). The fastest way to read all of them. */
export function blocksAfter(
  tx: ReadTx,
  account: number,
  after: Uint8Array,
  limit: number,
): Promise<StoredBlock[]> {
  return tx.all<StoredBlock>(
    `SELECT cid, bytes FROM pds_blocks WHERE account = $1 AND cid > $2 ORDER BY cid LIMIT $3`,
    [account, after, limit],
  )
}

export interface ListedRepo {
  /** Accounts in the order of their creation. */
  readonly id: number
  readonly did: Did
  readonly head: Uint8Array
  readonly rev: string
  readonly status: AccountStatus
}

/** Repositories whose account comes after `after`. */
export function reposAfter(tx: ReadTx, after: number, limit: number): Promise<ListedRepo[]> {
  return tx.all<ListedRepo>(
    `SELECT a.id, a.did, s.head_cid AS head, s.head_rev AS rev, a.status
     FROM pds_accounts a JOIN pds_repo_state s ON s.account = a.id WHERE a.id > $1 ORDER BY a.id LIMIT $2`,
    [after, limit],
  )
}

/** Active accounts that have records of a collection, among the next `lookedAt` after `after`; and the last looked at. */
export async function reposWithCollection(
  tx: ReadTx,
  collection: string,
  range: { readonly after: number; readonly limit: number; readonly lookedAt: number },
): Promise<{ readonly repos: readonly { id: number; did: Did }[]; readonly last: number | undefined }> {
  const { after, limit, lookedAt } = range
  const rows = await tx.all<{ id: number; did: Did }>(
    `SELECT a.id, a.did FROM (SELECT id, did, status FROM pds_accounts WHERE id > $1 ORDER BY id LIMIT $2) a
     WHERE a.status = 'active'
       AND EXISTS (SELECT 1 FROM pds_records r WHERE r.account = a.id AND r.collection = $3)
     ORDER BY a.id LIMIT $4`,
    [after, lookedAt, collection, limit],
  )
  const last = rows.length === limit ? rows.at(-1)?.id : await lastOf(tx, after, lookedAt)
  return { repos: rows, last }
}

/** The id of the account `count` places after `after`; undefined when there are not so many. */
async function lastOf(tx: ReadTx, after: number, count: number): Promise<number | undefined> {
  const row = await tx.get<{ id: number }>(
    `SELECT id FROM pds_accounts WHERE id > $1 ORDER BY id LIMIT 1 OFFSET $2`,
    [after, count - 1],
  )
  return row?.id
}
