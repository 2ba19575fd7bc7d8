/** Proofs of other services that may be used once, as rows until they expire. */
import type { Tx } from '../../kernel/storage/database.ts'

/** Notes a use; false when it was used before. */
export async function insertUsedToken(tx: Tx, hash: string, expiresAt: number): Promise<boolean> {
  const { changes } = await tx.run(
    `INSERT INTO pds_used_tokens (token_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    [hash, expiresAt],
  )
  return changes > 0
}

/** Forgets uses of what has expired before `now`, at most `limit`; gives how many. */
export async function deleteExpiredUsedTokens(tx: Tx, now: number, limit: number): Promise<number> {
  const { changes } = await tx.run(
    `DELETE FROM pds_used_tokens WHERE token_hash IN (
       SELECT token_hash FROM pds_used_tokens WHERE expires_at < $1 LIMIT $2)`,
    [now, limit],
  )
  return changes
}
