/**
 * Where an event stands: stream and idx in one number, `stream * 2^32 + idx`. It is the row's own number on SQLite, so
 * that the log needs no second index, and the events of a stream lie side by side.
 */
import { Refusal } from '../../kernel/errors.ts'

const width = 2 ** 32

/** The largest idx (or seq) that a stream can have. */
export const idxMax = width - 1
/** The largest number that a stream can have: a place is a safe integer. */
export const streamIdMax = 2 ** 21 - 1

/** The place of an idx. Throws Refusal `unavailable` beyond what a place can hold. */
export function placeOf(stream: number, idx: number): number {
  if (stream > streamIdMax) throw new Refusal('unavailable', `this house has had ${streamIdMax} streams`)
  if (idx > idxMax) throw new Refusal('unavailable', `a stream has at most ${idxMax} events`)
  return stream * width + idx
}

export function idxOf(place: number): number {
  return place % width
}

/** The last place that belongs to a stream. */
export function lastPlaceOf(stream: number): number {
  return stream * width + idxMax
}
