/** Ids of batches that were taken, as rows. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'
import type { Appended } from '../stream/contract.ts'
import { idxOf, placeOf } from './place.ts'

/** An id is remembered until its stream has this many events more. */
export const batchIdEventsKept = 10_000

export interface TakenBatch extends Appended {
  readonly batchId: string
}

/** What a batch with this id was answered; undefined when the stream took none, or long ago. */
export async function batchById(tx: ReadTx, stream: number, batchId: string): Promise<Appended | undefined> {
  const row = await tx.get<{ place: number; firstIdx: number }>(
    'SELECT place, first_idx AS "firstIdx" FROM streams_batch WHERE stream = $1 AND batch_id = $2',
    [stream, batchId],
  )
  return row === undefined ? undefined : { firstIdx: row.firstIdx, lastIdx: idxOf(row.place) }
}

/** Remembers batches, and forgets those that are long ago. */
export async function insertBatches(tx: Tx, stream: number, batches: readonly TakenBatch[]): Promise<void> {
  let head = 0
  for (const { batchId, firstIdx, lastIdx } of batches) {
    head = lastIdx
    await tx.run('INSERT INTO streams_batch (place, stream, batch_id, first_idx) VALUES ($1, $2, $3, $4)', [
      placeOf(stream, lastIdx),
      stream,
      batchId,
      firstIdx,
    ])
  }
  if (head > batchIdEventsKept) {
    await tx.run('DELETE FROM streams_batch WHERE place > $1 AND place <= $2', [
      placeOf(stream, 0),
      placeOf(stream, head - batchIdEventsKept),
    ])
  }
}
