/** Invite codes, as rows. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

/** An invite code. */
export interface InviteRow {
  readonly code: string
  readonly usesLeft: number
  readonly createdBy: string
  readonly createdAt: number
}

const columns = `code, uses_left AS "usesLeft", created_by AS "createdBy", created_at AS "createdAt"`

/** Adds a code. */
export async function insertInvite(tx: Tx, row: InviteRow): Promise<void> {
  await tx.run(`INSERT INTO pds_invites (code, uses_left, created_by, created_at) VALUES ($1, $2, $3, $4)`, [
    row.code,
    row.usesLeft,
    row.createdBy,
    row.createdAt,
  ])
}

/** Takes one use of a code; false when there is none left, or no such code. */
export async function takeInvite(tx: Tx, code: string): Promise<boolean> {
  const { changes } = await tx.run(
    `UPDATE pds_invites SET uses_left = uses_left - 1 WHERE code = $1 AND uses_left > 0`,
    [code],
  )
  return changes > 0
}

/** Gives a use back. */
export async function returnInvite(tx: Tx, code: string): Promise<void> {
  await tx.run(`UPDATE pds_invites SET uses_left = uses_left + 1 WHERE code = $1`, [code])
}

/** Codes, newest first. */
export function listInvites(tx: ReadTx, limit: number): Promise<InviteRow[]> {
  return tx.all(`SELECT ${columns} FROM pds_invites ORDER BY created_at DESC, code LIMIT $1`, [limit])
}

/** Removes a code; whether there was one. */
export async function deleteInvite(tx: Tx, code: string): Promise<boolean> {
  const { changes } = await tx.run(`DELETE FROM pds_invites WHERE code = $1`, [code])
  return changes > 0
}

/** The codes that somebody made, newest first. */
export function invitesCreatedBy(tx: ReadTx, createdBy: string, limit: number): Promise<InviteRow[]> {
  return tx.all(
    `SELECT ${columns} FROM pds_invites WHERE created_by = $1 ORDER BY created_at DESC, code LIMIT $2`,
    [createdBy, limit],
  )
}
