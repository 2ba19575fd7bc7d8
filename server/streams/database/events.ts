/** The log as rows. */
import type { ReadTx, SqlValue, Tx } from '../../kernel/storage/database.ts'
import type { ChainedEvent } from '../stream/contract.ts'
import { idxOf, lastPlaceOf, placeOf } from './place.ts'
import { insertRows } from './rows.ts'

const columns = ['place', 'user_did', 'payload', 'signature', 'prev_hash', 'head_signature']

/** Appends events, which have the numbers that follow the head. */
export function insertEvents(tx: Tx, stream: number, events: readonly ChainedEvent[]): Promise<void> {
  const rows = events.map((event): readonly SqlValue[] => [
    placeOf(stream, event.idx),
    event.user,
    event.payload,
    event.signature,
    event.prevHash,
    event.headSignature ?? null,
  ])
  return insertRows(tx, 'streams_event', columns, rows)
}

interface EventRow {
  readonly place: number
  readonly user: string
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  readonly prevHash: Uint8Array
  readonly headSignature: Uint8Array | null
}

export interface Bounds {
  readonly after: number
  readonly itemsMax: number
  readonly bytesMax: number
}

/** Events with idx > `after`, ascending, within both bounds, at least one if there is one. */
export async function readEvents(
  tx: ReadTx,
  stream: number,
  { after, itemsMax, bytesMax }: Bounds,
): Promise<readonly ChainedEvent[]> {
  const from = placeOf(stream, after)
  // Sizes first: they are read without what they measure, so that nothing large is read in vain.
  const sizes = await tx.all<{ place: number; size: number }>(
    `SELECT place, length(payload) AS size FROM streams_event WHERE place > $1 AND place <= $2 ORDER BY place LIMIT $3`,
    [from, lastPlaceOf(stream), itemsMax],
  )
  const to = lastWithin(sizes, bytesMax)
  if (to === undefined) return []
  const rows = await tx.all<EventRow>(
    `SELECT place, user_did AS "user", payload, signature, prev_hash AS "prevHash", head_signature AS "headSignature"
     FROM streams_event WHERE place > $1 AND place <= $2 ORDER BY place`,
    [from, to],
  )
  return rows.map(row => ({
    idx: idxOf(row.place),
    user: row.user,
    payload: row.payload,
    signature: row.signature,
    prevHash: row.prevHash,
    headSignature: row.headSignature ?? undefined,
  }))
}

/** The last place of the longest run from the beginning that fits; at least that of the first. */
export function lastWithin(
  sizes: readonly { readonly place: number; readonly size: number }[],
  bytesMax: number,
): number | undefined {
  let total = 0
  let last: number | undefined
  for (const { place, size } of sizes) {
    total += size
    if (last !== undefined && total > bytesMax) break
    last = place
  }
  return last
}

/** Removes events up to an idx, inclusive; gives how many. For streams that are gone. */
export async function deleteEvents(tx: Tx, stream: number, upTo: number): Promise<number> {
  const { changes } = await tx.run('DELETE FROM streams_event WHERE place > $1 AND place <= $2', [
    placeOf(stream, 0),
    placeOf(stream, upTo),
  ])
  return changes
}
