/** Tokens sent by mail, as rows: one for each account and purpose. Only hashes. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

/** A mailed token. */
export interface EmailTokenRow {
  readonly account: number
  readonly purpose: string
  /** SHA-256, hex. */
  readonly tokenHash: string
  /** Wrong ones so far. */
  readonly attempts: number
  readonly createdAt: number
}

const columns = `account, purpose, token_hash AS "tokenHash", attempts, created_at AS "createdAt"`

/** Puts a token in place of the one before. */
export async function putEmailToken(tx: Tx, row: Omit<EmailTokenRow, 'attempts'>): Promise<void> {
  await tx.run(
    `INSERT INTO pds_email_tokens (account, purpose, token_hash, attempts, created_at) VALUES ($1, $2, $3, 0, $4)
     ON CONFLICT (account, purpose) DO UPDATE SET token_hash = excluded.token_hash, attempts = 0,
       created_at = excluded.created_at`,
    [row.account, row.purpose, row.tokenHash, row.createdAt],
  )
}

/** The token of an account for a purpose. */
export function emailToken(tx: ReadTx, account: number, purpose: string): Promise<EmailTokenRow | undefined> {
  return tx.get(`SELECT ${columns} FROM pds_email_tokens WHERE account = $1 AND purpose = $2`, [
    account,
    purpose,
  ])
}

/** The token with this hash, whosever it is. */
export function emailTokenByHash(
  tx: ReadTx,
  purpose: string,
  hash: string,
): Promise<EmailTokenRow | undefined> {
  return tx.get(`SELECT ${columns} FROM pds_email_tokens WHERE purpose = $1 AND token_hash = $2`, [
    purpose,
    hash,
  ])
}

/** Counts a wrong one. */
export async function countEmailTokenAttempt(tx: Tx, account: number, purpose: string): Promise<void> {
  await tx.run(`UPDATE pds_email_tokens SET attempts = attempts + 1 WHERE account = $1 AND purpose = $2`, [
    account,
    purpose,
  ])
}

/** Uses a token up. */
export async function deleteEmailToken(tx: Tx, account: number, purpose: string): Promise<void> {
  await tx.run(`DELETE FROM pds_email_tokens WHERE account = $1 AND purpose = $2`, [account, purpose])
}

/** Removes all of an account's. */
export async function deleteEmailTokensOf(tx: Tx, account: number): Promise<void> {
  await tx.run(`DELETE FROM pds_email_tokens WHERE account = $1`, [account])
}

/** Removes tokens from before `before`, at most `limit`; gives how many. */
export async function deleteEmailTokensBefore(tx: Tx, before: number, limit: number): Promise<number> {
  const { changes } = await tx.run(
    `DELETE FROM pds_email_tokens WHERE token_hash IN (
       SELECT token_hash FROM pds_email_tokens WHERE created_at < $1 LIMIT $2)`,
    [before, limit],
  )
  return changes
}
