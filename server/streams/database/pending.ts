/** Streams and handles on their way to the directory, as rows. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

export interface PendingStream {
  readonly did: string
  readonly owner: string
  readonly module: string
  readonly clientStamp: string | null
  /** JSON of the signed first operation. */
  readonly operation: string
  readonly signingKey: string
  readonly signingKeySealed: Uint8Array
  readonly createdAt: number
}

const columns = `did, owner, module, client_stamp AS "clientStamp", operation, signing_key AS "signingKey",
  signing_key_sealed AS "signingKeySealed", created_at AS "createdAt"`

export async function insertPending(tx: Tx, row: PendingStream): Promise<void> {
  await tx.run(
    `INSERT INTO streams_pending (did, owner, module, client_stamp, operation, signing_key, signing_key_sealed, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      row.did,
      row.owner,
      row.module,
      row.clientStamp,
      row.operation,
      row.signingKey,
      row.signingKeySealed,
      row.createdAt,
    ],
  )
}

/** Removes one; whether it was there, so that of two who finish it only one goes on. */
export async function deletePending(tx: Tx, did: string): Promise<boolean> {
  return (await tx.run('DELETE FROM streams_pending WHERE did = $1', [did])).changes > 0
}

/** Those begun before `before`, oldest first. */
export function pendingBefore(tx: ReadTx, before: number, limit: number): Promise<PendingStream[]> {
  return tx.all(
    `SELECT ${columns} FROM streams_pending WHERE created_at < $1 ORDER BY created_at, did LIMIT $2`,
    [before, limit],
  )
}

/** How many of an owner's are on their way: they count against the quota. */
export async function countPending(tx: ReadTx, owner: string): Promise<number> {
  const row = await tx.get<{ count: number }>(
    'SELECT count(*) AS count FROM streams_pending WHERE owner = $1',
    [owner],
  )
  return row?.count ?? 0
}

export interface PendingHandle {
  readonly stream: number
  readonly did: string
  readonly handle: string | null
  /** JSON of the signed operation. */
  readonly operation: string
}

/** Adds one; false when a handle of the stream is on its way already. */
export async function insertPendingHandle(
  tx: Tx,
  row: Omit<PendingHandle, 'did'> & { readonly createdAt: number },
): Promise<boolean> {
  const { changes } = await tx.run(
    `INSERT INTO streams_pending_handle (stream, handle, operation, created_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING`,
    [row.stream, row.handle, row.operation, row.createdAt],
  )
  return changes > 0
}

export async function deletePendingHandle(tx: Tx, stream: number): Promise<boolean> {
  return (await tx.run('DELETE FROM streams_pending_handle WHERE stream = $1', [stream])).changes > 0
}

export function pendingHandlesBefore(tx: ReadTx, before: number, limit: number): Promise<PendingHandle[]> {
  return tx.all(
    `SELECT p.stream, s.did, p.handle, p.operation FROM streams_pending_handle p
     JOIN streams_stream s ON s.id = p.stream WHERE p.created_at < $1 ORDER BY p.created_at, p.stream LIMIT $2`,
    [before, limit],
  )
}
