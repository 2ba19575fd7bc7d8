/** A stream in memory: what is committed about it, and who waits for it. */
import type { Clock } from '../../kernel/clock.ts'
import type { StreamRecord } from '../database/streams.ts'
import type { StreamDid, StreamView } from '../host/contract.ts'
import type { Waiting } from './append-queue.ts'
import { createLane, type Lane } from './lane.ts'

export interface StreamEntry {
  readonly did: StreamDid
  /** As it is committed; undefined when that is not known for sure any more. Changed only by who has the lane alone. */
  record: StreamRecord | undefined
  readonly lane: Lane
  /** Appends that wait, in their order. */
  readonly queue: Waiting[]
  /** Whether somebody works on the queue. */
  working: boolean
  /** Events that the next group may hold; moves with how long the last ones took. */
  groupEvents: number
  /** Whether its module refused something of the last group. */
  refuses: boolean
  /** Rises with everything that subscribers may want to see. */
  version: number
  /** Called once at the next wake-up. */
  readonly sleepers: Set<() => void>
  /** Subscriptions and requests that hold on to it: it is not forgotten while there are any. */
  holders: number
  /** Journal entries since the last checkpoint that may not be in the state's file durably. */
  journalBytes: number
  /** Set when the stream is gone. */
  gone: boolean
}

/** Events of a first group: small, until it is known how long this stream's module takes. */
const groupEventsFirst = 64

export function createEntry(did: StreamDid): StreamEntry {
  return {
    did,
    record: undefined,
    lane: createLane(),
    queue: [],
    working: false,
    groupEvents: groupEventsFirst,
    refuses: false,
    version: 0,
    sleepers: new Set(),
    holders: 0,
    journalBytes: 0,
    gone: false,
  }
}

/** What hosts need to know of what is committed. */
export function viewOf(record: StreamRecord): StreamView {
  return {
    did: record.did,
    owner: record.payer,
    module: { cid: record.module, generation: record.generation },
    head: record.head,
    stateHead: record.stateHead,
  }
}

/** Tells everybody who waits that there is something new. Never throws. */
export function wake(entry: StreamEntry): void {
  entry.version += 1
  const woken = [...entry.sleepers]
  entry.sleepers.clear()
  for (const go of woken) go()
}

/** Resolves at the next wake-up, when the signal ends, or after `limit`; at once when `seen` is not the version any more. */
export function sleep(
  entry: StreamEntry,
  seen: number,
  signal: AbortSignal,
  limit?: { readonly clock: Clock; readonly ms: number },
): Promise<void> {
  if (signal.aborted || entry.version !== seen || entry.gone) return Promise.resolve()
  return new Promise(resolve => {
    const go = () => {
      cancel?.()
      entry.sleepers.delete(go)
      signal.removeEventListener('abort', go)
      resolve()
    }
    const cancel = limit?.clock.after(limit.ms, go)
    entry.sleepers.add(go)
    signal.addEventListener('abort', go)
  })
}
