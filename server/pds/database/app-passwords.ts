/** App passwords, as rows. Only hashes. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

/** An app password without its hash. */
export interface AppPasswordRow {
  readonly name: string
  /** 0 or 1. */
  readonly privileged: number
  readonly createdAt: number
}

/** Adds one; false when the account has one of this name. */
export async function insertAppPassword(
  tx: Tx,
  row: AppPasswordRow & { readonly account: number; readonly hash: string },
): Promise<boolean> {
  const { changes } = await tx.run(
    `INSERT INTO pds_app_passwords (account, name, hash, privileged, created_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT DO NOTHING`,
    [row.account, row.name, row.hash, row.privileged, row.createdAt],
  )
  return changes > 0
}

/** An account's app passwords, newest first. */
export function appPasswordsOf(tx: ReadTx, account: number, limit: number): Promise<AppPasswordRow[]> {
  return tx.all(
    `SELECT name, privileged, created_at AS "createdAt" FROM pds_app_passwords WHERE account = $1
     ORDER BY created_at DESC, name LIMIT $2`,
    [account, limit],
  )
}

/** How many an account has. */
export async function countAppPasswords(tx: ReadTx, account: number): Promise<number> {
  const row = await tx.get<{ count: number }>(
    `SELECT count(*) AS count FROM pds_app_passwords WHERE account = $1`,
    [account],
  )
  return row?.count ?? 0
}

/** The app password with this hash. */
export function appPasswordByHash(
  tx: ReadTx,
  account: number,
  hash: string,
): Promise<AppPasswordRow | undefined> {
  return tx.get(
    `SELECT name, privileged, created_at AS "createdAt" FROM pds_app_passwords WHERE account = $1 AND hash = $2`,
    [account, hash],
  )
}

/** Removes one; whether it was there. */
export async function deleteAppPassword(tx: Tx, account: number, name: string): Promise<boolean> {
  const { changes } = await tx.run(`DELETE FROM pds_app_passwords WHERE account = $1 AND name = $2`, [
    account,
    name,
  ])
  return changes > 0
}

/** Removes all of an account's. */
export async function deleteAppPasswordsOf(tx: Tx, account: number): Promise<void> {
  await tx.run(`DELETE FROM pds_app_passwords WHERE account = $1`, [account])
}
