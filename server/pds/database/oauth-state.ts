/** What sign-ins under way must remember, as rows under the SHA-256 of a secret that only the browser has. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

/** What a sign-in under way remembers. */
export interface OauthStateRow {
  /** Hex. */
  readonly state: string
  readonly provider: string
  /** JSON, written and read by `auth/sign-in-state.ts`. */
  readonly data: string
  readonly createdAt: number
}

const columns = `state, provider, data, created_at AS "createdAt"`

/** Adds a row, or replaces the one under this key. */
export async function putOauthState(tx: Tx, row: OauthStateRow): Promise<void> {
  await tx.run(
    `INSERT INTO pds_oauth_state (state, provider, data, created_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (state) DO UPDATE SET provider = excluded.provider, data = excluded.data,
       created_at = excluded.created_at`,
    [row.state, row.provider, row.data, row.createdAt],
  )
}

/** The row under this key. */
export function oauthState(tx: ReadTx, state: string): Promise<OauthStateRow | undefined> {
  return tx.get(`SELECT ${columns} FROM pds_oauth_state WHERE state = $1`, [state])
}

/** Takes the row away: it is used once. */
export function takeOauthState(tx: Tx, state: string): Promise<OauthStateRow | undefined> {
  return tx.get(`DELETE FROM pds_oauth_state WHERE state = $1 RETURNING ${columns}`, [state])
}

/** Removes rows from before `before`, at most `limit`; gives how many. */
export async function deleteOauthStatesBefore(tx: Tx, before: number, limit: number): Promise<number> {
  const { changes } = await tx.run(
    `DELETE FROM pds_oauth_state WHERE state IN (SELECT state FROM pds_oauth_state WHERE created_at < $1 LIMIT $2)`,
    [before, limit],
  )
  return changes
}
