/** What likes, reposts, follows and blocks point at. Store only. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

export interface Backlink {
  readonly collection: string
  readonly subject: string
  readonly rkey: string
}

/** Keys of the records in a collection that point at a subject. */
export async function backlinksTo(
  tx: ReadTx,
  account: number,
  to: { readonly collection: string; readonly subject: string },
): Promise<readonly string[]> {
  const rows = await tx.all<{ rkey: string }>(
    'SELECT rkey FROM pds_backlinks WHERE account = $1 AND collection = $2 AND subject = $3 ORDER BY rkey',
    [account, to.collection, to.subject],
  )
  return rows.map(row => row.rkey)
}

/** Remembers a backlink; nothing happens when it is known. */
export async function insertBacklink(tx: Tx, account: number, link: Backlink): Promise<void> {
  await tx.run(
    `INSERT INTO pds_backlinks (account, collection, subject, rkey) VALUES ($1, $2, $3, $4)
     ON CONFLICT (account, collection, subject, rkey) DO NOTHING`,
    [account, link.collection, link.subject, link.rkey],
  )
}

/** Forgets a backlink. */
export async function deleteBacklink(tx: Tx, account: number, link: Backlink): Promise<void> {
  await tx.run(
    'DELETE FROM pds_backlinks WHERE account = $1 AND collection = $2 AND subject = $3 AND rkey = $4',
    [account, link.collection, link.subject, link.rkey],
  )
}

/** Forgets every backlink of an account. */
export async function deleteBacklinks(tx: Tx, account: number): Promise<void> {
  await tx.run('DELETE FROM pds_backlinks WHERE account = $1', [account])
}
