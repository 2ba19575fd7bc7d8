/** The calls of one connection: so many at a time, the rest in the order in which they came. */
import type { Wire } from './wire.ts'

/** Calls of one connection that are worked on at a time. */
const activeMax = 64
/** Calls that were read and wait or are worked on; above it nothing more is read. */
const callsHigh = 256
/** Bytes of their arguments, likewise. */
const bytesHigh = 16 * 1024 * 1024

export interface Calls {
  /** Runs `work` when its turn comes. False: the connection's bytes are used up, and nothing will be run. */
  add(bytes: number, work: () => Promise<void>): boolean
  /** Resolves once nothing waits or is worked on. New calls may come meanwhile. */
  idle(): Promise<void>
}

interface Waiting {
  readonly bytes: number
  readonly work: () => Promise<void>
}

/** No calls yet. What waits when the connection ends is dropped. */
export function createCalls(wire: Pick<Wire, 'place' | 'pause' | 'room' | 'signal'>): Calls {
  const waiting: Waiting[] = []
  let active = 0
  let held = 0
  let paused = false
  let draining = false
  let onIdle: (() => void)[] = []

  const load = () => active + waiting.length
  const changed = () => {
    const full = load() >= callsHigh || held >= bytesHigh
    if (full !== paused) {
      paused = full
      wire.pause('calls', full)
    }
    if (load() > 0) return
    for (const resolve of onIdle) resolve()
    onIdle = []
  }
  const finish = (bytes: number) => {
    active -= 1
    held -= bytes
    wire.place.free(bytes)
    changed()
    void drain()
  }
  const drain = async () => {
    if (draining) return
    draining = true
    while (waiting.length > 0 && active < activeMax) {
      // Nothing more is worked out for somebody who does not take what is there.
      await wire.room()
      const next = waiting.shift()
      if (next === undefined) break
      active += 1
      void next.work().finally(() => finish(next.bytes))
    }
    draining = false
  }
  wire.signal.addEventListener('abort', () => {
    for (const { bytes } of waiting.splice(0)) held -= bytes
    changed()
  })

  return {
    add: (bytes, work) => {
      if (!wire.place.hold(bytes)) return false
      held += bytes
      waiting.push({ bytes, work })
      changed()
      void drain()
      return true
    },
    idle: () => (load() === 0 ? Promise.resolve() : new Promise(resolve => void onIdle.push(resolve))),
  }
}
