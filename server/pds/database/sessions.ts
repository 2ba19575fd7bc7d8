/** Sessions, as rows: of clients (tokens) and of pages (cookies). */
import type { Did } from '../../kernel/identity/types.ts'
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'
import type { AccountStatus } from './accounts.ts'

/** `takendown`: of an account that was taken down; good for leaving with one's data. */
export type SessionKind = 'access' | 'appPass' | 'appPassPrivileged' | 'takendown' | 'page'

/** A session, of a client or of a page. */
export interface SessionRow {
  readonly id: string
  readonly account: number
  readonly kind: SessionKind
  readonly appPassword: string | null
  readonly refreshHash: string | null
  /** Milliseconds, a whole second. */
  readonly refreshIssuedAt: number | null
  readonly refreshJti: string | null
  /** `hash:until` of the tokens before, newest first, joined by blanks. */
  readonly previousHash: string | null
  readonly previousUntil: number | null
  readonly device: string
  readonly address: string
  readonly createdAt: number
  readonly lastUsedAt: number
  readonly expiresAt: number
}

const columns = `id, account, kind, app_password AS "appPassword", refresh_hash AS "refreshHash",
  refresh_issued_at AS "refreshIssuedAt", refresh_jti AS "refreshJti", previous_hash AS "previousHash",
  previous_until AS "previousUntil", device, address, created_at AS "createdAt", last_used_at AS "lastUsedAt",
  expires_at AS "expiresAt"`

/** A session with what the guard needs of its account. */
export interface SessionAccount {
  readonly account: number
  readonly did: Did
  readonly status: AccountStatus
  readonly kind: SessionKind
  readonly expiresAt: number
  readonly lastUsedAt: number
}

/** The session with this id, and whose it is: one look-up for every request. */
export function sessionAccount(tx: ReadTx, id: string): Promise<SessionAccount | undefined> {
  return tx.get(
    `SELECT s.account, a.did, a.status, s.kind, s.expires_at AS "expiresAt", s.last_used_at AS "lastUsedAt"
     FROM pds_sessions s JOIN pds_accounts a ON a.id = s.account WHERE s.id = $1`,
    [id],
  )
}

/** The whole row of one session. */
export function sessionById(tx: ReadTx, id: string): Promise<SessionRow | undefined> {
  return tx.get(`SELECT ${columns} FROM pds_sessions WHERE id = $1`, [id])
}

/** An account's sessions that have not expired, last used first. */
export function sessionsOf(tx: ReadTx, account: number, now: number, limit: number): Promise<SessionRow[]> {
  return tx.all(
    `SELECT ${columns} FROM pds_sessions WHERE account = $1 AND expires_at > $2
     ORDER BY last_used_at DESC, id LIMIT $3`,
    [account, now, limit],
  )
}

/** Adds a session. */
export async function insertSession(tx: Tx, row: SessionRow): Promise<void> {
  await tx.run(
    `INSERT INTO pds_sessions (id, account, kind, app_password, refresh_hash, refresh_issued_at, refresh_jti,
       previous_hash, previous_until, device, address, created_at, last_used_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      row.id,
      row.account,
      row.kind,
      row.appPassword,
      row.refreshHash,
      row.refreshIssuedAt,
      row.refreshJti,
      row.previousHash,
      row.previousUntil,
      row.device,
      row.address,
      row.createdAt,
      row.lastUsedAt,
      row.expiresAt,
    ],
  )
}

/** What changes when a refresh token is rotated. */
export type Rotation = Pick<
  SessionRow,
  | 'refreshHash'
  | 'refreshIssuedAt'
  | 'refreshJti'
  | 'previousHash'
  | 'previousUntil'
  | 'lastUsedAt'
  | 'expiresAt'
>

/** Puts the next refresh token in place of the one before. */
export async function rotateSession(tx: Tx, id: string, next: Rotation): Promise<void> {
  await tx.run(
    `UPDATE pds_sessions SET refresh_hash = $2, refresh_issued_at = $3, refresh_jti = $4, previous_hash = $5,
       previous_until = $6, last_used_at = $7, expires_at = $8 WHERE id = $1`,
    [
      id,
      next.refreshHash,
      next.refreshIssuedAt,
      next.refreshJti,
      next.previousHash,
      next.previousUntil,
      next.lastUsedAt,
      next.expiresAt,
    ],
  )
}

/** Notes that a page session was used, and prolongs it. */
export async function touchSession(tx: Tx, id: string, lastUsedAt: number, expiresAt: number): Promise<void> {
  await tx.run(`UPDATE pds_sessions SET last_used_at = $2, expires_at = $3 WHERE id = $1`, [
    id,
    lastUsedAt,
    expiresAt,
  ])
}

/** Ends one session; whether there was one. */
export async function deleteSession(tx: Tx, id: string): Promise<boolean> {
  const { changes } = await tx.run(`DELETE FROM pds_sessions WHERE id = $1`, [id])
  return changes > 0
}

/** Ends one session of this account; whether there was one. */
export async function deleteSessionOf(tx: Tx, account: number, id: string): Promise<boolean> {
  const { changes } = await tx.run(`DELETE FROM pds_sessions WHERE account = $1 AND id = $2`, [account, id])
  return changes > 0
}

/** Ends every session of an account but one (`''`: all); gives how many. */
export async function deleteSessionsOf(tx: Tx, account: number, exceptId: string): Promise<number> {
  const { changes } = await tx.run(`DELETE FROM pds_sessions WHERE account = $1 AND id <> $2`, [
    account,
    exceptId,
  ])
  return changes
}

/** Ends the sessions that an app password opened. */
export async function deleteSessionsOfAppPassword(tx: Tx, account: number, name: string): Promise<void> {
  await tx.run(`DELETE FROM pds_sessions WHERE account = $1 AND app_password = $2`, [account, name])
}

/**
 * Ends the longest unused sessions like this one (of its account, kind and app password) beyond the first `keep`, at most
 * `limit` at a time.
 */
export async function deleteSurplusSessions(
  tx: Tx,
  like: Pick<SessionRow, 'account' | 'kind' | 'appPassword'>,
  bounds: { readonly keep: number; readonly limit: number },
): Promise<void> {
  await tx.run(
    `DELETE FROM pds_sessions WHERE id IN (
       SELECT id FROM pds_sessions WHERE account = $1 AND kind = $2 AND coalesce(app_password, '') = $3
       ORDER BY last_used_at DESC, id LIMIT $4 OFFSET $5)`,
    [like.account, like.kind, like.appPassword ?? '', bounds.limit, bounds.keep],
  )
}

/** Removes sessions that expired before `now`, at most `limit`; gives how many. */
export async function deleteExpiredSessions(tx: Tx, now: number, limit: number): Promise<number> {
  const { changes } = await tx.run(
    `DELETE FROM pds_sessions WHERE id IN (SELECT id FROM pds_sessions WHERE expires_at <= $1 LIMIT $2)`,
    [now, limit],
  )
  return changes
}
