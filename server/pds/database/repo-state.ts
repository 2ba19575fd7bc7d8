/** Where each repository stands: its current commit. Store only. CIDs are 36 bytes. */
import type { DidKey } from '../../kernel/keys.ts'
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'
import type { AccountStatus } from './accounts.ts'

export interface RepoState {
  readonly headCid: Uint8Array
  readonly headRev: string
  /** The root of the tree. */
  readonly dataCid: Uint8Array
  /** The signed commit. */
  readonly commitBlock: Uint8Array
  readonly recordCount: number
}

/** The state of an account's repository; undefined before its first commit. */
export function repoState(tx: ReadTx, account: number): Promise<RepoState | undefined> {
  return tx.get<RepoState>(
    `SELECT head_cid AS "headCid", head_rev AS "headRev", data_cid AS "dataCid", commit_block AS "commitBlock",
       record_count AS "recordCount" FROM pds_repo_state WHERE account = $1`,
    [account],
  )
}

/** Sets the state. */
export async function putRepoState(tx: Tx, account: number, state: RepoState, nowMs: number): Promise<void> {
  await tx.run(
    `INSERT INTO pds_repo_state (account, head_cid, head_rev, data_cid, commit_block, record_count, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (account) DO UPDATE SET head_cid = excluded.head_cid, head_rev = excluded.head_rev,
       data_cid = excluded.data_cid, commit_block = excluded.commit_block, record_count = excluded.record_count,
       updated_at = excluded.updated_at`,
    [account, state.headCid, state.headRev, state.dataCid, state.commitBlock, state.recordCount, nowMs],
  )
}

/** Deletes the state. */
export async function deleteRepoState(tx: Tx, account: number): Promise<void> {
  await tx.run('DELETE FROM pds_repo_state WHERE account = $1', [account])
}

/** What a write has to know before it begins. */
export interface WritableRepo {
  readonly accountId: number
  readonly status: AccountStatus
  readonly signingKey: DidKey
  /** Null before the first commit. */
  readonly headCid: Uint8Array | null
  readonly headRev: string | null
  readonly dataCid: Uint8Array | null
  readonly recordCount: number | null
}

/** An account's status and the state of its repository, by its DID. */
export function writableRepo(tx: ReadTx, did: string): Promise<WritableRepo | undefined> {
  return tx.get<WritableRepo>(
    `SELECT a.id AS "accountId", a.status, a.signing_key AS "signingKey", s.head_cid AS "headCid", s.head_rev AS "headRev", s.data_cid AS "dataCid",
       s.record_count AS "recordCount"
     FROM pds_accounts a LEFT JOIN pds_repo_state s ON s.account = a.id WHERE a.did = $1`,
    [did],
  )
}

/** How many records there are in all repositories. */
export async function countRecords(tx: ReadTx): Promise<number> {
  const row = await tx.get<{ count: number }>(
    'SELECT COALESCE(CAST(sum(record_count) AS BIGINT), 0) AS count FROM pds_repo_state',
  )
  return row?.count ?? 0
}
