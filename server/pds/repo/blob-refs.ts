/** How blobs follow the records that refer to them, within the transaction that writes these. */
import type { Clock } from '../../kernel/clock.ts'
import type { Tx } from '../../kernel/storage/database.ts'
import {
  type BlobRow,
  blobAt,
  blobUse,
  deleteRef,
  dropBlob,
  dropBlobsOf,
  hasRefs,
  insertRef,
  keepBlob,
  letBlobWait,
  refsOf,
} from '../database/blobs.ts'
import type { JsonBlobRef } from '../validation/json.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { BlobRefs } from './store-commit.ts'

/** The references of records to blobs. */
export function createBlobRefs({ clock }: { readonly clock: Pick<Clock, 'now'> }): BlobRefs {
  const release = async (tx: Tx, accountId: number, cid: string, path: string): Promise<void> => {
    await deleteRef(tx, accountId, cid, path)
    if (await hasRefs(tx, accountId, cid)) return
    const row = await blobAt(tx, accountId, cid)
    if (row === undefined) return
    if (row.temporary === blobUse.keptAndUploadedAgain) await letBlobWait(tx, accountId, cid)
    else await dropBlob(tx, accountId, row, clock.now())
  }

  return {
    attach: async (tx, { accountId, rev, path, blobs }) => {
      const before = new Set(await refsOf(tx, accountId, path))
      const now = new Map(blobs.map(blob => [blob.ref.$link, blob]))
      for (const [cid, blob] of now) {
        if (before.has(cid)) continue
        const row = await blobAt(tx, accountId, cid)
        if (row === undefined) throw refuse('BlobNotFound', `Could not find blob: ${cid}`)
        if (row.temporary === blobUse.waiting) checkBlob(blob, row)
        await insertRef(tx, accountId, cid, path)
        if (row.temporary !== blobUse.kept) await keepBlob(tx, accountId, cid, rev)
      }
      for (const cid of before) if (!now.has(cid)) await release(tx, accountId, cid, path)
    },
    detach: async (tx, { accountId, path }) => {
      for (const cid of await refsOf(tx, accountId, path)) await release(tx, accountId, cid, path)
    },
    removeAll: (tx, accountId) => dropBlobsOf(tx, accountId, clock.now()),
  }
}

// A lexicon's `accept` and `maxSize` were checked against what the record says: so that must be the truth.
function checkBlob(blob: JsonBlobRef, row: BlobRow): void {
  if (blob.mimeType !== row.mimeType) {
    const both = `Expected: ${row.mimeType}, Got: ${blob.mimeType}`
    throw refuse('InvalidMimeType', `Referenced Mimetype does not match stored blob. ${both}`)
  }
  if (blob.size !== row.size) {
    throw refuse(
      'InvalidSize',
      `Referenced Size does not match stored blob. Expected: ${row.size}, Got: ${blob.size}`,
    )
  }
}
