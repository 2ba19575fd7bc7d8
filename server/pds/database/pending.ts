/** Accounts on their way, as rows: their keys and handle are ours, their DID may or may not stand in the directory. */
import type { Did } from '../../kernel/identity/types.ts'
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

/** An account on its way. */
export interface PendingRow {
  readonly did: Did
  readonly handle: string
  /** JSON, written and read by `auth/pending-account.ts`. */
  readonly data: string
  readonly signingKeySealed: Uint8Array
  readonly rotationKeySealed: Uint8Array
  readonly createdAt: number
}

const columns = `did, handle, data, signing_key_sealed AS "signingKeySealed", rotation_key_sealed AS "rotationKeySealed",
  created_at AS "createdAt"`

/** Adds one; false when its DID or its handle is on its way already. */
export async function insertPending(tx: Tx, row: PendingRow): Promise<boolean> {
  const { changes } = await tx.run(
    `INSERT INTO pds_pending_accounts (did, handle, data, signing_key_sealed, rotation_key_sealed, created_at)
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
    [row.did, row.handle, row.data, row.signingKeySealed, row.rotationKeySealed, row.createdAt],
  )
  return changes > 0
}

/** The one with this DID. */
export function pendingByDid(tx: ReadTx, did: string): Promise<PendingRow | undefined> {
  return tx.get(`SELECT ${columns} FROM pds_pending_accounts WHERE did = $1`, [did])
}

/** Removes one; whether it was there, so that of two who finish it only one goes on. */
export async function deletePending(tx: Tx, did: string): Promise<boolean> {
  const { changes } = await tx.run(`DELETE FROM pds_pending_accounts WHERE did = $1`, [did])
  return changes > 0
}

/** Those begun before `before`, oldest first. */
export function pendingBefore(tx: ReadTx, before: number, limit: number): Promise<PendingRow[]> {
  return tx.all(
    `SELECT ${columns} FROM pds_pending_accounts WHERE created_at < $1 ORDER BY created_at, did LIMIT $2`,
    [before, limit],
  )
}
