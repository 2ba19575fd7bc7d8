/** Accounts, as rows. Store only: says what is there, decides nothing. */
import type { Did } from '../../kernel/identity/types.ts'
import type { DidKey } from '../../kernel/keys.ts'
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

export type AccountStatus = 'active' | 'deactivated' | 'takendown' | 'suspended'

export interface Account {
  readonly id: number
  readonly did: Did
  /** Lower case; null once the handle was taken from it. */
  readonly handle: string | null
  readonly email: string | null
  readonly emailConfirmedAt: number | null
  readonly passwordHash: string | null
  readonly status: AccountStatus
  readonly signingKey: DidKey
  readonly rotationKey: DidKey
  readonly recoveryKey: string | null
  readonly blobBytes: number
  readonly createdAt: number
}

/** The columns of an `Account`, to be selected from `pds_accounts`. */
const columns = `id, did, handle, email, email_confirmed_at AS "emailConfirmedAt", password_hash AS "passwordHash",
  status, signing_key AS "signingKey", rotation_key AS "rotationKey", recovery_key AS "recoveryKey",
  blob_bytes AS "blobBytes", created_at AS "createdAt"`

/** The account with this DID. */
export function accountByDid(tx: ReadTx, did: string): Promise<Account | undefined> {
  return tx.get<Account>(`SELECT ${columns} FROM pds_accounts WHERE did = $1`, [did])
}

/** The account with this handle, which must be lower case. */
export function accountByHandle(tx: ReadTx, handle: string): Promise<Account | undefined> {
  return tx.get<Account>(`SELECT ${columns} FROM pds_accounts WHERE handle = $1`, [handle])
}

/** The account with this e-mail address, which must be lower case. */
export function accountByEmail(tx: ReadTx, email: string): Promise<Account | undefined> {
  return tx.get<Account>(`SELECT ${columns} FROM pds_accounts WHERE email = $1`, [email])
}

/** The account with this id. */
export function accountById(tx: ReadTx, id: number): Promise<Account | undefined> {
  return tx.get<Account>(`SELECT ${columns} FROM pds_accounts WHERE id = $1`, [id])
}

/** The account that a repo identifier (DID or handle) names. */
export function accountByIdentifier(tx: ReadTx, identifier: string): Promise<Account | undefined> {
  return identifier.startsWith('did:')
    ? accountByDid(tx, identifier)
    : accountByHandle(tx, identifier.toLowerCase())
}

/** The sealed signing and rotation keys of an account. */
export function sealedKeys(
  tx: ReadTx,
  id: number,
): Promise<{ signingKeySealed: Uint8Array; rotationKeySealed: Uint8Array } | undefined> {
  return tx.get(
    `SELECT signing_key_sealed AS "signingKeySealed", rotation_key_sealed AS "rotationKeySealed"
     FROM pds_accounts WHERE id = $1`,
    [id],
  )
}

export interface NewAccount {
  readonly did: Did
  readonly handle: string
  readonly email: string | null
  readonly emailConfirmedAt: number | null
  readonly passwordHash: string | null
  readonly status: AccountStatus
  readonly signingKey: DidKey
  readonly signingKeySealed: Uint8Array
  readonly rotationKey: DidKey
  readonly rotationKeySealed: Uint8Array
  readonly recoveryKey: string | null
  readonly inviteCode: string | null
  readonly createdAt: number
}

/** Adds an account; gives its id. Fails on a DID, handle or e-mail that is taken. */
export async function insertAccount(tx: Tx, account: NewAccount): Promise<number> {
  const row = await tx.get<{ id: number }>(
    `INSERT INTO pds_accounts (did, handle, email, email_confirmed_at, password_hash, status, signing_key,
       signing_key_sealed, rotation_key, rotation_key_sealed, recovery_key, invite_code, created_at, deactivated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id`,
    [
      account.did,
      account.handle,
      account.email,
      account.emailConfirmedAt,
      account.passwordHash,
      account.status,
      account.signingKey,
      account.signingKeySealed,
      account.rotationKey,
      account.rotationKeySealed,
      account.recoveryKey,
      account.inviteCode,
      account.createdAt,
      account.status === 'active' ? null : account.createdAt,
    ],
  )
  if (row === undefined) throw new Error('INSERT … RETURNING gave no row')
  return row.id
}

/** Sets the status; `at` is when it was left, null when it is active again. */
export async function setStatus(tx: Tx, id: number, status: AccountStatus, at: number | null): Promise<void> {
  await tx.run(`UPDATE pds_accounts SET status = $2, deactivated_at = $3 WHERE id = $1`, [id, status, at])
}

/** Sets the handle (lower case). Fails on one that is taken. */
export async function setHandle(tx: Tx, id: number, handle: string | null): Promise<void> {
  await tx.run(`UPDATE pds_accounts SET handle = $2 WHERE id = $1`, [id, handle])
}

/** Sets the password's hash; null: sign-in by password ends. */
export async function setPasswordHash(tx: Tx, id: number, hash: string | null): Promise<void> {
  await tx.run(`UPDATE pds_accounts SET password_hash = $2 WHERE id = $1`, [id, hash])
}

/** Sets the e-mail address (lower case) and when it was confirmed. */
export async function setEmail(
  tx: Tx,
  id: number,
  email: string | null,
  confirmedAt: number | null,
): Promise<void> {
  await tx.run(`UPDATE pds_accounts SET email = $2, email_confirmed_at = $3 WHERE id = $1`, [
    id,
    email,
    confirmedAt,
  ])
}

/** How many accounts there are. */
export async function countAccounts(tx: ReadTx): Promise<number> {
  const row = await tx.get<{ count: number }>('SELECT count(*) AS count FROM pds_accounts')
  return row?.count ?? 0
}

/** Notes when the person wishes the account to be deleted (milliseconds). */
export async function setDeleteAfter(tx: Tx, id: number, at: number | null): Promise<void> {
  await tx.run(`UPDATE pds_accounts SET delete_after = $2 WHERE id = $1`, [id, at])
}

/** Removes an account's row; what belongs to it is removed before. */
export async function deleteAccount(tx: Tx, id: number): Promise<void> {
  await tx.run(`DELETE FROM pds_accounts WHERE id = $1`, [id])
}
