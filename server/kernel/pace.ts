/**
 * Shares the event loop between work that must be quick (requests, writes) and work that may wait a little and gains by
 * waiting (fan-out: what comes meanwhile travels together).
 */
import type { Clock } from './clock.ts'

export interface Pace {
  /** Resolves when it is this caller's turn; first come, first served. */
  turn(): Promise<void>
  /** How many wait for their turn, for metrics. */
  waiting(): number
}

export interface PaceOptions {
  readonly clock: Pick<Clock, 'monotonic'>
  /** The part of the time that turns may take while the loop is busy with other things, 0 to 1. Default 0.15. */
  readonly share?: number
  /** Turns given in a row before other work is looked at. Default 32. */
  readonly turnsPerSlice?: number
}

/** Between two slices, this long elsewhere means: nobody else had work. Milliseconds. */
const idleMs = 0.05

/** Gives turns in slices, one a round of the event loop; a slice is left out while turns have had more than their share. */
export function createPace(options: PaceOptions): Pace {
  const { clock, share = 0.15, turnsPerSlice = 32 } = options
  const earned = share / (1 - share)
  let queue: (() => void)[] = []
  let first = 0
  let running = false
  let owedMs = 0
  let endedMs = clock.monotonic()

  // `give` and `measure` run in one round of the loop, one behind the other: what the turns do in their microtasks lies
  // between them.
  const arm = () => {
    setImmediate(give)
    setImmediate(measure)
  }
  const give = () => {
    const elsewhereMs = clock.monotonic() - endedMs
    endedMs += elsewhereMs
    owedMs = elsewhereMs < idleMs ? 0 : Math.max(0, owedMs - elsewhereMs * earned)
    if (owedMs > 0) return
    const end = Math.min(queue.length, first + turnsPerSlice)
    for (; first < end; first += 1) queue[first]?.()
    if (first < queue.length) return
    queue = []
    first = 0
  }
  const measure = () => {
    const tookMs = clock.monotonic() - endedMs
    endedMs += tookMs
    owedMs += tookMs
    if (queue.length > first) arm()
    else running = false
  }

  return {
    turn: () =>
      new Promise(resolve => {
        queue.push(resolve)
        if (running) return
        running = true
        arm()
      }),
    waiting: () => queue.length - first,
  }
}
