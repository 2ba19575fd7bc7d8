/** The state journal as rows. */
import type { ReadTx, SqlValue, Tx } from '../../kernel/storage/database.ts'
import type { StateEvent } from '../host/contract.ts'
import { type Bounds, lastWithin } from './events.ts'
import { idxOf, lastPlaceOf, placeOf } from './place.ts'
import { insertRows } from './rows.ts'

const columns = ['place', 'after_idx', 'kind', 'user_did', 'payload']

/** Appends entries, which have the numbers that follow the journal's head. */
export function insertStateEvents(tx: Tx, stream: number, events: readonly StateEvent[]): Promise<void> {
  const rows = events.map((event): readonly SqlValue[] => [
    placeOf(stream, event.seq),
    event.afterIdx,
    event.kind,
    event.user,
    event.payload,
  ])
  return insertRows(tx, 'streams_state_event', columns, rows)
}

interface StateEventRow {
  readonly place: number
  readonly afterIdx: number
  readonly kind: string
  readonly user: string
  readonly payload: Uint8Array
}

/** Entries with seq > `after`, ascending, within both bounds, at least one if there is one. */
export async function readStateEvents(
  tx: ReadTx,
  stream: number,
  { after, itemsMax, bytesMax }: Bounds,
): Promise<readonly StateEvent[]> {
  const from = placeOf(stream, after)
  const sizes = await tx.all<{ place: number; size: number }>(
    `SELECT place, length(payload) AS size FROM streams_state_event
     WHERE place > $1 AND place <= $2 ORDER BY place LIMIT $3`,
    [from, lastPlaceOf(stream), itemsMax],
  )
  const to = lastWithin(sizes, bytesMax)
  if (to === undefined) return []
  const rows = await tx.all<StateEventRow>(
    `SELECT place, after_idx AS "afterIdx", kind, user_did AS "user", payload FROM streams_state_event
     WHERE place > $1 AND place <= $2 ORDER BY place`,
    [from, to],
  )
  return rows.map(row => ({
    seq: idxOf(row.place),
    afterIdx: row.afterIdx,
    kind: row.kind === 'clear' ? 'clear' : 'event',
    user: row.user,
    payload: row.payload,
  }))
}

/** Forgets entries up to a seq, inclusive: they are in the state's file, durably. */
export async function pruneStateEvents(tx: Tx, stream: number, upTo: number): Promise<void> {
  await tx.run('DELETE FROM streams_state_event WHERE place > $1 AND place <= $2', [
    placeOf(stream, 0),
    placeOf(stream, upTo),
  ])
  await tx.run('UPDATE streams_stream SET state_kept = $1 WHERE id = $2 AND state_kept < $3', [
    upTo,
    stream,
    upTo,
  ])
}

/** A state that another node can start from. */
export interface StateCopy {
  readonly seq: number
  readonly idx: number
  readonly bytes: Uint8Array
}

export async function putStateCopy(tx: Tx, stream: number, copy: StateCopy): Promise<void> {
  await tx.run(
    `INSERT INTO streams_state_copy (stream, seq, idx, bytes) VALUES ($1, $2, $3, $4)
     ON CONFLICT (stream) DO UPDATE SET seq = excluded.seq, idx = excluded.idx, bytes = excluded.bytes`,
    [stream, copy.seq, copy.idx, copy.bytes],
  )
}

export function stateCopyOf(tx: ReadTx, stream: number): Promise<StateCopy | undefined> {
  return tx.get('SELECT seq, idx, bytes FROM streams_state_copy WHERE stream = $1', [stream])
}
