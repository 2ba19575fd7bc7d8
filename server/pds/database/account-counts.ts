/** How much an account has, for `checkAccountStatus` and pages. Store only. */
import type { ReadTx } from '../../kernel/storage/database.ts'

/** Numbers of what an account has. */
export interface AccountCounts {
  /** Blocks of the tree and records, without the commit. */
  readonly blocks: number
  /** Blobs that records refer to. */
  readonly expectedBlobs: number
  /** Blobs that are here. */
  readonly importedBlobs: number
}

/** Counts what an account has. */
export async function accountCounts(tx: ReadTx, account: number): Promise<AccountCounts> {
  const row = await tx.get<AccountCounts>(
    `SELECT (SELECT count(*) FROM pds_blocks WHERE account = $1) AS blocks,
       (SELECT count(DISTINCT blob_cid) FROM pds_blob_refs WHERE account = $1) AS "expectedBlobs",
       (SELECT count(*) FROM pds_blobs WHERE account = $1) AS "importedBlobs"`,
    [account],
  )
  return row ?? { blocks: 0, expectedBlobs: 0, importedBlobs: 0 }
}
