/** Rows of sessions and of challenges that were used. Tokens are stored as hashes only. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'
import type { KeyHex } from '../contract.ts'

/** A token that is good. */
export interface SessionRow {
  /** SHA-256 of the token. */
  readonly tokenHash: Uint8Array
  readonly key: KeyHex
  readonly createdAt: number
  readonly expiresAt: number
  /** It may never be prolonged past this. */
  readonly proofUntil: number
  /** A pseudonym of the address that it is bound to; empty: not bound. */
  readonly address: string
  /** A pseudonym of the network that it came from. */
  readonly network: string
  /** Whether its client reads fields that the seed's server does not send. */
  readonly legacy: boolean
}

interface Row {
  readonly token_hash: Uint8Array
  readonly mailbox_key: Uint8Array
  readonly created_at: number
  readonly expires_at: number
  readonly proof_until: number
  readonly address: string
  readonly network: string
  readonly legacy: number
}

/** The session of a token, over or not. */
export async function readSession(
  tx: Pick<ReadTx, 'get'>,
  tokenHash: Uint8Array,
): Promise<SessionRow | undefined> {
  const row = await tx.get<Row>('SELECT * FROM skrepka_session WHERE token_hash = $1', [tokenHash])
  if (row === undefined) return undefined
  return {
    tokenHash: row.token_hash,
    key: Buffer.from(row.mailbox_key).toString('hex'),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    proofUntil: row.proof_until,
    address: row.address,
    network: row.network,
    legacy: row.legacy === 1,
  }
}

export async function insertSession(tx: Tx, session: SessionRow): Promise<void> {
  const { tokenHash, key, createdAt, expiresAt, proofUntil, address, network, legacy } = session
  await tx.run(
    `INSERT INTO skrepka_session
      (token_hash, mailbox_key, created_at, expires_at, proof_until, address, network, legacy)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [tokenHash, Buffer.from(key, 'hex'), createdAt, expiresAt, proofUntil, address, network, legacy ? 1 : 0],
  )
}

export async function prolongSession(tx: Tx, tokenHash: Uint8Array, expiresAt: number): Promise<void> {
  await tx.run('UPDATE skrepka_session SET expires_at = $1 WHERE token_hash = $2', [expiresAt, tokenHash])
}

/** Gives the hashes of the tokens that ended. */
async function ended(rows: Promise<{ token_hash: Uint8Array }[]>): Promise<Uint8Array[]> {
  return (await rows).map(row => row.token_hash)
}

/** Ends all sessions of a key but the `keep` that last longest. */
export function endSessions(tx: Tx, key: KeyHex, keep: number): Promise<Uint8Array[]> {
  return ended(
    tx.all(
      `DELETE FROM skrepka_session WHERE mailbox_key = $1 AND token_hash NOT IN (
        SELECT token_hash FROM skrepka_session WHERE mailbox_key = $1
        ORDER BY expires_at DESC, created_at DESC LIMIT $2
      ) RETURNING token_hash`,
      [Buffer.from(key, 'hex'), keep],
    ),
  )
}

export function endSession(tx: Tx, tokenHash: Uint8Array): Promise<Uint8Array[]> {
  return ended(tx.all('DELETE FROM skrepka_session WHERE token_hash = $1 RETURNING token_hash', [tokenHash]))
}

/** Whether a key has a session that is not over. */
export async function hasSession(tx: Pick<ReadTx, 'get'>, key: KeyHex, nowMs: number): Promise<boolean> {
  const row = await tx.get(
    'SELECT 1 AS one FROM skrepka_session WHERE mailbox_key = $1 AND expires_at > $2 LIMIT 1',
    [Buffer.from(key, 'hex'), nowMs],
  )
  return row !== undefined
}

export async function countSessions(tx: Pick<ReadTx, 'get'>): Promise<number> {
  const row = await tx.get<{ count: number }>('SELECT COUNT(*) AS count FROM skrepka_session')
  return row?.count ?? 0
}

/** Ends the session that is over first, of the network that has most. */
export function endOfLargestNetwork(tx: Tx): Promise<Uint8Array[]> {
  return ended(
    tx.all(
      `DELETE FROM skrepka_session WHERE token_hash IN (
        SELECT token_hash FROM skrepka_session WHERE network = (
          SELECT network FROM skrepka_session GROUP BY network ORDER BY COUNT(*) DESC, network LIMIT 1
        ) ORDER BY expires_at, created_at LIMIT 1
      ) RETURNING token_hash`,
    ),
  )
}

/** Removes what is over; gives the tokens. */
export async function sweepSessions(tx: Tx, nowMs: number): Promise<Uint8Array[]> {
  await tx.run('DELETE FROM skrepka_challenge_used WHERE expires_at <= $1', [nowMs])
  return ended(tx.all('DELETE FROM skrepka_session WHERE expires_at <= $1 RETURNING token_hash', [nowMs]))
}

/** Notes that a challenge was used; false when it was before. */
export async function useChallenge(tx: Tx, challenge: Uint8Array, expiresAt: number): Promise<boolean> {
  const { changes } = await tx.run(
    `INSERT INTO skrepka_challenge_used (challenge, expires_at) VALUES ($1, $2)
    ON CONFLICT (challenge) DO NOTHING`,
    [challenge, expiresAt],
  )
  return changes === 1
}
