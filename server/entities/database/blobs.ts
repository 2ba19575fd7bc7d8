/** Where large payloads lie in the blob store. Their rows among the payloads are empty. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'
import { storePrefix } from './schema.ts'

/** The name of a payload in the blob store; undefined: it is not there. */
export async function blobRefOf(tx: ReadTx, digest: Uint8Array): Promise<string | undefined> {
  return (await tx.get<{ ref: string }>('SELECT ref FROM entities_blob WHERE digest = $1', [digest]))?.ref
}

/** Of some entry that names this payload; undefined: none does. */
export async function lengthOf(tx: ReadTx, digest: Uint8Array): Promise<number | undefined> {
  const row = await tx.get<{ bytes: number }>(
    `SELECT bytes FROM ${storePrefix}entry WHERE digest = $1 LIMIT 1`,
    [digest],
  )
  return row?.bytes
}

/** Keeps the name of a payload, and marks the entries that have it. False: it is here already. */
export async function putBlobRef(
  tx: Tx,
  { digest, ref }: { readonly digest: Uint8Array; readonly ref: string },
): Promise<boolean> {
  const { changes } = await tx.run(
    `INSERT INTO ${storePrefix}payload (digest, content) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING`,
    [digest, new Uint8Array()],
  )
  if (changes === 0) return false
  await tx.run(
    `INSERT INTO entities_blob (digest, ref) VALUES ($1, $2)
     ON CONFLICT (digest) DO UPDATE SET ref = excluded.ref`,
    [digest, ref],
  )
  await tx.run(`UPDATE ${storePrefix}entry SET has_payload = 1 WHERE digest = $1 AND has_payload = 0`, [
    digest,
  ])
  return true
}

/** Removes names whose payloads no entry has any more; at most `limit`. */
export async function dropUnusedRefs(tx: Tx, limit: number): Promise<number> {
  const { changes } = await tx.run(
    `DELETE FROM entities_blob WHERE digest IN (
       SELECT blob.digest FROM entities_blob blob
       WHERE NOT EXISTS (SELECT 1 FROM ${storePrefix}payload payload WHERE payload.digest = blob.digest)
       LIMIT $1)`,
    [limit],
  )
  return changes
}

/** Which of these names are in use. */
export async function usedRefs(tx: ReadTx, refs: readonly string[]): Promise<ReadonlySet<string>> {
  if (refs.length === 0) return new Set()
  const list = refs.map((_, index) => `$${index + 1}`).join(', ')
  const rows = await tx.all<{ ref: string }>(`SELECT ref FROM entities_blob WHERE ref IN (${list})`, refs)
  return new Set(rows.map(({ ref }) => ref))
}
