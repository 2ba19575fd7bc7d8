/** Who holds a handle, and changes to DIDs that are on their way. Store only. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

/** Whether an account, an account on its way, or a handle change on its way of another account holds this handle. */
export async function isHandleHeld(tx: ReadTx, handle: string, exceptAccount = 0): Promise<boolean> {
  const held = await tx.get(
    `SELECT 1 AS held FROM pds_accounts WHERE handle = $1 AND id <> $2
     UNION ALL SELECT 1 FROM pds_pending_accounts WHERE handle = $1 LIMIT 1`,
    [handle, exceptAccount],
  )
  if (held !== undefined) return true
  // One row an account at most, and only for the time of a call to the directory: few at any moment.
  const pending = await pendingOperations(tx, 'handle')
  return pending.some(({ account, data }) => account !== exceptAccount && handleIn(data) === handle)
}

function handleIn(data: string): unknown {
  const value: unknown = JSON.parse(data)
  return typeof value === 'object' && value !== null && 'handle' in value ? value.handle : undefined
}

export type PendingPurpose = 'handle' | 'operation'

export interface PendingOperation {
  readonly id: number
  readonly account: number
  readonly purpose: PendingPurpose
  /** JSON. */
  readonly data: string
  readonly createdAt: number
}

const columns = 'id, account, purpose, data, created_at AS "createdAt"'
const pendingMax = 1000

/** The changes of one purpose that are on their way, oldest first, at most 1,000. */
export function pendingOperations(tx: ReadTx, purpose: PendingPurpose): Promise<PendingOperation[]> {
  return tx.all<PendingOperation>(
    `SELECT ${columns} FROM pds_pending_operations WHERE purpose = $1 ORDER BY id LIMIT $2`,
    [purpose, pendingMax],
  )
}

/** The changes begun before a time, oldest first, at most `count`. */
export function pendingOperationsBefore(
  tx: ReadTx,
  before: number,
  count: number,
): Promise<PendingOperation[]> {
  return tx.all<PendingOperation>(
    `SELECT ${columns} FROM pds_pending_operations WHERE created_at < $1 ORDER BY id LIMIT $2`,
    [before, count],
  )
}

/** The change of an account that is on its way, if there is one. */
export function pendingOperationOf(tx: ReadTx, account: number): Promise<PendingOperation | undefined> {
  return tx.get<PendingOperation>(
    `SELECT ${columns} FROM pds_pending_operations WHERE account = $1 ORDER BY id LIMIT 1`,
    [account],
  )
}

/** Notes a change that is about to be sent to the directory; gives its id. */
export async function insertPendingOperation(
  tx: Tx,
  operation: Omit<PendingOperation, 'id'>,
): Promise<number> {
  const row = await tx.get<{ id: number }>(
    `INSERT INTO pds_pending_operations (account, purpose, data, created_at) VALUES ($1, $2, $3, $4) RETURNING id`,
    [operation.account, operation.purpose, operation.data, operation.createdAt],
  )
  if (row === undefined) throw new Error('INSERT … RETURNING gave no row')
  return row.id
}

/** Forgets a change that was finished or undone; false when somebody else did so first. */
export async function deletePendingOperation(tx: Tx, id: number): Promise<boolean> {
  const { changes } = await tx.run('DELETE FROM pds_pending_operations WHERE id = $1', [id])
  return changes > 0
}

/** What a transaction holds that gives this handle to somebody, so that two cannot have one. */
export function handleLock(handle: string): string {
  return `handle:${handle}`
}

/** Sets the person's own rotation key; null: there is none. */
export async function setRecoveryKey(tx: Tx, account: number, recoveryKey: string | null): Promise<void> {
  await tx.run('UPDATE pds_accounts SET recovery_key = $2 WHERE id = $1', [account, recoveryKey])
}

/** Replaces the server's rotation key of an account. */
export async function setRotationKey(
  tx: Tx,
  account: number,
  key: { readonly rotationKey: string; readonly rotationKeySealed: Uint8Array },
): Promise<void> {
  await tx.run('UPDATE pds_accounts SET rotation_key = $2, rotation_key_sealed = $3 WHERE id = $1', [
    account,
    key.rotationKey,
    key.rotationKeySealed,
  ])
}
