/** Blobs, which records refer to them, and files that are to go. Store only. CIDs are base32. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

/** A commit that dropped files notifies this channel. */
export const blobGarbageChannel = 'pds_blob_garbage'

/** `temporary` of a blob: kept by records, waiting for one, or kept by records and uploaded again since. */
export const blobUse = { kept: 0, waiting: 1, keptAndUploadedAgain: 2 } as const

export interface BlobRow {
  readonly cid: string
  readonly mimeType: string
  readonly size: number
  readonly storageKey: string
  /** One of `blobUse`. */
  readonly temporary: number
}

/** The blob of an account. */
export function blobAt(tx: ReadTx, account: number, cid: string): Promise<BlobRow | undefined> {
  return tx.get<BlobRow>(
    `SELECT cid, mime_type AS "mimeType", size, storage_key AS "storageKey", temporary
     FROM pds_blobs WHERE account = $1 AND cid = $2`,
    [account, cid],
  )
}

/** Adds a blob and its bytes to the account's. One that records refer to already counts from the current commit on. */
export async function insertBlob(tx: Tx, account: number, blob: BlobRow, nowMs: number): Promise<void> {
  const { cid, mimeType, size, storageKey, temporary } = blob
  await tx.run(
    `INSERT INTO pds_blobs (account, cid, mime_type, size, storage_key, temporary, rev, created_at)
     VALUES ($1, $2, $3, $4, $5, CAST($6 AS BIGINT),
       CASE WHEN CAST($6 AS BIGINT) = 1 THEN NULL ELSE (SELECT head_rev FROM pds_repo_state WHERE account = $1) END, $7)`,
    [account, cid, mimeType, size, storageKey, temporary, nowMs],
  )
  await addBlobBytes(tx, account, size)
}

/** The same bytes came once more: their newest file counts. */
export async function replaceBlobFile(
  tx: Tx,
  account: number,
  blob: Pick<BlobRow, 'cid' | 'storageKey' | 'temporary'>,
  nowMs: number,
): Promise<void> {
  await tx.run(
    `UPDATE pds_blobs SET storage_key = $3, temporary = $4, created_at = $5 WHERE account = $1 AND cid = $2`,
    [account, blob.cid, blob.storageKey, blob.temporary, nowMs],
  )
}

/** A record refers to the blob; `rev` is kept when it is the first. */
export async function keepBlob(tx: Tx, account: number, cid: string, rev: string): Promise<void> {
  await tx.run(
    `UPDATE pds_blobs SET temporary = 0, rev = coalesce(rev, $3) WHERE account = $1 AND cid = $2`,
    [account, cid, rev],
  )
}

/** No record refers to the blob any more, but it was uploaded again: it waits for one. */
export async function letBlobWait(tx: Tx, account: number, cid: string): Promise<void> {
  await tx.run(`UPDATE pds_blobs SET temporary = 1, rev = NULL WHERE account = $1 AND cid = $2`, [
    account,
    cid,
  ])
}

/** Removes a blob; its file is to go from `nowMs` on. */
export async function dropBlob(tx: Tx, account: number, blob: BlobRow, nowMs: number): Promise<void> {
  await tx.run(`DELETE FROM pds_blobs WHERE account = $1 AND cid = $2`, [account, blob.cid])
  await addBlobBytes(tx, account, -blob.size)
  await putGarbage(tx, blob.storageKey, nowMs)
}

/** Removes all blobs of an account and all references; their files are to go from `nowMs` on. */
export async function dropBlobsOf(tx: Tx, account: number, nowMs: number): Promise<void> {
  await tx.run(
    `INSERT INTO pds_blob_garbage (key, created_at) SELECT storage_key, CAST($2 AS BIGINT) FROM pds_blobs WHERE account = $1`,
    [account, nowMs],
  )
  await tx.run(`DELETE FROM pds_blobs WHERE account = $1`, [account])
  await tx.run(`DELETE FROM pds_blob_refs WHERE account = $1`, [account])
  await tx.run(`UPDATE pds_accounts SET blob_bytes = 0 WHERE id = $1`, [account])
  tx.notify(blobGarbageChannel)
}

/** The bytes of an account's blobs. */
export async function blobBytesOf(tx: ReadTx, account: number): Promise<number> {
  const row = await tx.get<{ bytes: number }>(`SELECT blob_bytes AS bytes FROM pds_accounts WHERE id = $1`, [
    account,
  ])
  return row?.bytes ?? 0
}

async function addBlobBytes(tx: Tx, account: number, bytes: number): Promise<void> {
  await tx.run(`UPDATE pds_accounts SET blob_bytes = blob_bytes + $2 WHERE id = $1`, [account, bytes])
}

/** The record at `path` refers to the blob. */
export async function insertRef(tx: Tx, account: number, cid: string, path: string): Promise<void> {
  await tx.run(
    `INSERT INTO pds_blob_refs (account, blob_cid, record_path) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
    [account, cid, path],
  )
}

/** The record at `path` refers to the blob no more. */
export async function deleteRef(tx: Tx, account: number, cid: string, path: string): Promise<void> {
  await tx.run(`DELETE FROM pds_blob_refs WHERE account = $1 AND blob_cid = $2 AND record_path = $3`, [
    account,
    cid,
    path,
  ])
}

/** The blobs that the record at `path` refers to. */
export async function refsOf(tx: ReadTx, account: number, path: string): Promise<readonly string[]> {
  const rows = await tx.all<{ cid: string }>(
    `SELECT blob_cid AS cid FROM pds_blob_refs WHERE account = $1 AND record_path = $2`,
    [account, path],
  )
  return rows.map(row => row.cid)
}

/** Whether any record refers to the blob. */
export async function hasRefs(tx: ReadTx, account: number, cid: string): Promise<boolean> {
  const row = await tx.get(
    `SELECT 1 AS one FROM pds_blob_refs WHERE account = $1 AND blob_cid = $2 LIMIT 1`,
    [account, cid],
  )
  return row !== undefined
}

/** After references were replaced as a whole: blobs that none is left of wait, those that have one are kept. */
export async function settleUses(tx: Tx, account: number, rev: string, nowMs: number): Promise<void> {
  const among = `EXISTS (SELECT 1 FROM pds_blob_refs r WHERE r.account = $1 AND r.blob_cid = pds_blobs.cid)`
  await tx.run(
    `UPDATE pds_blobs SET temporary = 0, rev = coalesce(rev, $2) WHERE account = $1 AND temporary = 1 AND ${among}`,
    [account, rev],
  )
  await tx.run(
    `UPDATE pds_blobs SET temporary = 1, rev = NULL, created_at = $2
     WHERE account = $1 AND temporary <> 1 AND NOT ${among}`,
    [account, nowMs],
  )
}

/** CIDs of blobs that records refer to, ascending, after `after`; with `since` those that came with a later commit. */
export async function referredBlobs(
  tx: ReadTx,
  account: number,
  range: { readonly after: string; readonly limit: number; readonly since?: string | undefined },
): Promise<readonly string[]> {
  const { after, limit, since } = range
  const rows =
    since === undefined
      ? await tx.all<{ cid: string }>(
          `SELECT DISTINCT blob_cid AS cid FROM pds_blob_refs WHERE account = $1 AND blob_cid > $2
           ORDER BY blob_cid LIMIT $3`,
          [account, after, limit],
        )
      : await tx.all<{ cid: string }>(
          `SELECT cid FROM pds_blobs WHERE account = $1 AND cid > $2 AND rev > $4 AND temporary <> 1
           ORDER BY cid LIMIT $3`,
          [account, after, limit, since],
        )
  return rows.map(row => row.cid)
}

export interface MissingBlob {
  readonly cid: string
  /** `collection/rkey` of one record that refers to it. */
  readonly path: string
}

/** Blobs that records refer to and that are not there, ascending by CID, after `after`. */
export function missingBlobs(
  tx: ReadTx,
  account: number,
  range: { readonly after: string; readonly limit: number },
): Promise<MissingBlob[]> {
  return tx.all<MissingBlob>(
    `SELECT r.blob_cid AS cid, min(r.record_path) AS path FROM pds_blob_refs r
     WHERE r.account = $1 AND r.blob_cid > $2
       AND NOT EXISTS (SELECT 1 FROM pds_blobs b WHERE b.account = $1 AND b.cid = r.blob_cid)
     GROUP BY r.blob_cid ORDER BY r.blob_cid LIMIT $3`,
    [account, range.after, range.limit],
  )
}

/** How many different blobs an account's records refer to, and how many of them are there. */
export async function countBlobs(
  tx: ReadTx,
  account: number,
): Promise<{ readonly expected: number; readonly there: number }> {
  const row = await tx.get<{ expected: number; there: number }>(
    `SELECT (SELECT count(DISTINCT blob_cid) FROM pds_blob_refs WHERE account = $1) AS expected,
       (SELECT count(*) FROM pds_blobs WHERE account = $1 AND temporary <> 1) AS there`,
    [account],
  )
  return row ?? { expected: 0, there: 0 }
}

/** Blobs of all accounts that have waited for a record since before `before`, the oldest first. */
export function blobsWaitingSince(
  tx: ReadTx,
  before: number,
  limit: number,
): Promise<(BlobRow & { readonly account: number })[]> {
  return tx.all(
    `SELECT account, cid, mime_type AS "mimeType", size, storage_key AS "storageKey", temporary
     FROM pds_blobs WHERE temporary = 1 AND created_at < $1 ORDER BY created_at LIMIT $2`,
    [before, limit],
  )
}

/** The file under `key` is to go from `dueMs` on. */
export async function putGarbage(tx: Tx, key: string, dueMs: number): Promise<void> {
  await tx.run(
    `INSERT INTO pds_blob_garbage (key, created_at) VALUES ($1, $2)
     ON CONFLICT (key) DO UPDATE SET created_at = excluded.created_at`,
    [key, dueMs],
  )
  tx.notify(blobGarbageChannel)
}

/** The file under `key` stays, or is gone. */
export async function deleteGarbage(tx: Tx, key: string): Promise<void> {
  await tx.run(`DELETE FROM pds_blob_garbage WHERE key = $1`, [key])
}

/** Keys of files that are to go now, at most `limit`. */
export async function garbageDue(tx: ReadTx, nowMs: number, limit: number): Promise<readonly string[]> {
  const rows = await tx.all<{ key: string }>(
    `SELECT key FROM pds_blob_garbage WHERE created_at <= $1 ORDER BY created_at LIMIT $2`,
    [nowMs, limit],
  )
  return rows.map(row => row.key)
}
