/** Streams that are gone, as rows; what they leave behind is removed piece by piece. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'
import type { StreamRecord } from './streams.ts'

export interface DeletedStream {
  readonly did: string
  readonly stream: number
  readonly head: number
  readonly stateHead: number
}

export async function isDeleted(tx: ReadTx, did: string): Promise<boolean> {
  return (await tx.get('SELECT 1 AS one FROM streams_deleted WHERE did = $1', [did])) !== undefined
}

/** Whether something is left of a stream that was deleted. */
export async function isUnpurged(tx: ReadTx, did: string): Promise<boolean> {
  return (
    (await tx.get('SELECT 1 AS one FROM streams_deleted WHERE did = $1 AND purged = 0', [did])) !== undefined
  )
}

/** A stream of which nothing is left comes back: that it was deleted is true no more. */
export async function forgetDeleted(tx: Tx, did: string): Promise<void> {
  await tx.run('DELETE FROM streams_deleted WHERE did = $1 AND purged = 1', [did])
}

/** Makes a stream gone for everybody; its events are still there, for `purge`. */
export async function markDeleted(
  tx: Tx,
  stream: Pick<StreamRecord, 'id' | 'did'>,
  at: number,
): Promise<void> {
  await tx.run(
    `INSERT INTO streams_deleted (did, stream, head, state_head, signing_key_sealed, deleted_at)
     SELECT did, id, head, state_head, signing_key_sealed, CAST($1 AS BIGINT) FROM streams_stream WHERE id = $2`,
    [at, stream.id],
  )
  for (const table of ['streams_owner', 'streams_update', 'streams_pending_handle', 'streams_state_copy']) {
    await tx.run(`DELETE FROM ${table} WHERE stream = $1`, [stream.id])
  }
  await tx.run('DELETE FROM streams_stream WHERE id = $1', [stream.id])
}

/** Those of which something is left. */
export function unpurged(tx: ReadTx, limit: number): Promise<DeletedStream[]> {
  return tx.all(
    `SELECT did, stream, head, state_head AS "stateHead" FROM streams_deleted WHERE purged = 0 ORDER BY did LIMIT $1`,
    [limit],
  )
}

export async function markPurged(tx: Tx, did: string): Promise<void> {
  await tx.run('UPDATE streams_deleted SET purged = 1 WHERE did = $1', [did])
}
