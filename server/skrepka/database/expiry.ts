/** What is over: found in the order of arrival, without an index of its own. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'
import type { KeyHex } from '../contract.ts'
import { placesOf } from './many.ts'
import type { Removed } from './messages.ts'

/** The oldest mail, as far as it was stored at `cutoff` or before; at most `limit`. */
export async function readExpired(
  tx: Pick<ReadTx, 'all'>,
  cutoff: number,
  limit: number,
): Promise<{ readonly key: KeyHex; readonly seq: number }[]> {
  const rows = await tx.all<{ mailbox_key: Uint8Array; seq: number }>(
    `SELECT b.mailbox_key, m.seq FROM
      (SELECT id, box, seq, stored_at FROM skrepka_message ORDER BY id LIMIT $1) AS m
    JOIN skrepka_mailbox b ON b.id = m.box WHERE m.stored_at <= $2 ORDER BY m.id`,
    [limit, cutoff],
  )
  return rows.map(row => ({ key: Buffer.from(row.mailbox_key).toString('hex'), seq: row.seq }))
}

/** Removes mail by its numbers. */
export async function deleteExpired(tx: Tx, box: number, seqs: readonly number[]): Promise<Removed[]> {
  const removed: Removed[] = []
  for (const seq of seqs) {
    const rows = await tx.all<Removed>(
      'DELETE FROM skrepka_message WHERE box = $1 AND seq = $2 RETURNING seq, size, blob_ref',
      [box, seq],
    )
    removed.push(...rows)
  }
  return removed
}

/** Forgets mail that came so long ago that it will not come again; gives how much. */
export async function deleteSeen(tx: Tx, nowMs: number, limit: number): Promise<number> {
  const oldest = await tx.get<{ last: number | null }>(
    `SELECT MAX(s.id) AS last FROM (SELECT id, expires_at FROM skrepka_seen ORDER BY id LIMIT $1) AS s
    WHERE s.expires_at <= $2`,
    [limit, nowMs],
  )
  if (oldest === undefined || oldest.last === null) return 0
  const { changes } = await tx.run('DELETE FROM skrepka_seen WHERE id <= $1 AND expires_at <= $2', [
    oldest.last,
    nowMs,
  ])
  return changes
}

/** Those names in the blob store that mail has. */
export async function refsInUse(
  tx: Pick<ReadTx, 'all'>,
  refs: readonly string[],
): Promise<ReadonlySet<string>> {
  const places = placesOf(refs.length, 1, ([place = '']) => place).join(', ')
  const rows = await tx.all<{ blob_ref: string }>(
    `SELECT blob_ref FROM skrepka_message WHERE blob_ref IN (${places})`,
    refs,
  )
  return new Set(rows.map(row => row.blob_ref))
}
