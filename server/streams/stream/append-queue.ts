/** Appends that wait for their stream, and how much of that there may be. */
import { Refusal } from '../../kernel/errors.ts'
import type { Appended } from './contract.ts'

/** One batch, or one wish to clear the state. */
export interface Waiting {
  readonly kind: 'events' | 'state' | 'clear'
  readonly user: string
  readonly payloads: readonly Uint8Array[]
  /** Upstream's batch signature; empty for what does not go into the log. */
  readonly signature: Uint8Array
  /** What it will count against the quota. */
  readonly bytes: number
  readonly expectedIdx: number | undefined
  readonly batchId: string | undefined
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: unknown) => void
}

/** Batches that may wait for one stream. */
const streamBatchesMax = 2000
/** Bytes that may wait for one stream. */
const streamBytesMax = 16 * 1024 * 1024
/** Bytes that may wait for all streams of an owner. */
const ownerBytesMax = 32 * 1024 * 1024
/** Bytes that may wait in the house. */
const houseBytesMax = 128 * 1024 * 1024

/** What waits, counted. */
export interface AppendBudget {
  /** Takes room for a batch; throws Refusal `unavailable` when there is none. Returns what gives it back. */
  take(request: { readonly stream: string; readonly owner: string; readonly bytes: number }): () => void
  /** Bytes of an owner that wait. */
  ofOwner(owner: string): number
  counts(): { readonly batches: number; readonly bytes: number }
}

interface Held {
  batches: number
  bytes: number
}

export function createAppendBudget(): AppendBudget {
  const streams = new Map<string, Held>()
  const owners = new Map<string, Held>()
  const house: Held = { batches: 0, bytes: 0 }

  const add = (map: Map<string, Held>, key: string, bytes: number) => {
    const held = map.get(key)
    if (held === undefined) {
      map.set(key, { batches: 1, bytes })
    } else {
      held.batches += 1
      held.bytes += bytes
    }
  }
  const remove = (map: Map<string, Held>, key: string, bytes: number) => {
    const held = map.get(key)
    if (held === undefined) return
    held.batches -= 1
    held.bytes -= bytes
    if (held.batches === 0) map.delete(key)
  }
  const refuse = (whose: string) => {
    throw new Refusal('unavailable', `too many events of ${whose} wait to be stored`, { retryAfterMs: 1000 })
  }

  return {
    take: ({ stream, owner, bytes }) => {
      const held = streams.get(stream)
      const full = held !== undefined && held.batches >= streamBatchesMax
      // A batch alone is taken whatever its size: its own limit is checked elsewhere.
      if (full || (held !== undefined && held.bytes + bytes > streamBytesMax)) refuse('this stream')
      if ((owners.get(owner)?.bytes ?? 0) + bytes > ownerBytesMax) refuse('this owner')
      if (house.bytes + bytes > houseBytesMax) refuse('this server')
      add(streams, stream, bytes)
      add(owners, owner, bytes)
      house.batches += 1
      house.bytes += bytes
      return () => {
        remove(streams, stream, bytes)
        remove(owners, owner, bytes)
        house.batches -= 1
        house.bytes -= bytes
      }
    },
    ofOwner: owner => owners.get(owner)?.bytes ?? 0,
    counts: () => ({ ...house }),
  }
}

/** Bytes of one group. */
const groupBytesMax = 4 * 1024 * 1024

/**
 * Takes the longest run of one kind from the front that makes a group: within `eventsMax` and the bytes of a group, at
 * least one. A batch that expects an idx begins its group, and an id is in a group once.
 */
export function takeGroup(queue: Waiting[], eventsMax: number): Waiting[] {
  const first = queue[0]
  if (first === undefined) return []
  let count = 0
  let events = 0
  let bytes = 0
  const ids = new Set<string>()
  for (const item of queue) {
    events += item.payloads.length
    bytes += item.bytes
    const full = events > eventsMax || bytes > groupBytesMax
    const apart = item.kind !== first.kind || item.kind === 'clear' || item.expectedIdx !== undefined
    const again = item.batchId !== undefined && ids.has(item.batchId)
    if (count > 0 && (full || apart || again)) break
    if (item.batchId !== undefined) ids.add(item.batchId)
    count += 1
  }
  return queue.splice(0, count)
}

/** Takes from the front of the queue what can come along with a group without being looked at first. */
export function takeAlong(queue: Waiting[], group: readonly Waiting[], eventsMax: number): Waiting[] {
  let events = 0
  let bytes = 0
  let count = 0
  for (const item of group) {
    events += item.payloads.length
    bytes += item.bytes
  }
  for (const item of queue) {
    events += item.payloads.length
    bytes += item.bytes
    const isPlain = item.kind === 'events' && item.batchId === undefined && item.expectedIdx === undefined
    if (!isPlain || events > eventsMax || bytes > groupBytesMax) break
    count += 1
  }
  return queue.splice(0, count)
}
