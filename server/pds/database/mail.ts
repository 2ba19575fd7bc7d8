/** Development's mail, as rows. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

/** A letter that was kept. */
export interface MailRow {
  readonly id: number
  readonly recipient: string
  readonly subject: string
  readonly body: string
  readonly createdAt: number
}

/** Adds a letter, and removes the oldest beyond the newest `keep`. */
export async function insertMail(tx: Tx, row: Omit<MailRow, 'id'>, keep: number): Promise<void> {
  const added = await tx.get<{ id: number }>(
    `INSERT INTO pds_mail (recipient, subject, body, created_at) VALUES ($1, $2, $3, $4) RETURNING id`,
    [row.recipient, row.subject, row.body, row.createdAt],
  )
  await tx.run(`DELETE FROM pds_mail WHERE id <= $1`, [(added?.id ?? 0) - keep])
}

/** Letters, newest first. */
export function listMail(tx: ReadTx, limit: number): Promise<MailRow[]> {
  return tx.all(
    `SELECT id, recipient, subject, body, created_at AS "createdAt" FROM pds_mail ORDER BY id DESC LIMIT $1`,
    [limit],
  )
}
