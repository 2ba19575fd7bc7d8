/**
 * Shares the event loop between work that must be quick (requests, writes) and work that may wait a little and gains by
 * waiting (fan-out: what comes meanwhile travels together).
 */
import { performance } from 'node:perf_hooks'
import type { Clock } from './clock.ts'

export interface Pace {
  /** Resolves when it is this caller's turn; first come, first served. What it does then is measured. */
  turn(): Promise<void>
  /** How many wait for their turn, for metrics. */
  waiting(): number
}

export interface PaceOptions {
  readonly clock: Pick<Clock, 'monotonic' | 'after'>
  /** Milliseconds that the event loop has waited for something to do, since its start. Default: this process's loop. */
  readonly idleMs?: () => number
}

/** How long the turns of one slice may take together: what a request may have to wait for, at most. */
const sliceMs = 0.3
const turnsPerSliceMax = 64
/** What turns get of the time: what others leave of `fullShare`, within these bounds. */
const fullShare = 0.75
const shareMin = 0.1
const shareMax = 0.5
/** A pause at most: a slice may seem long only because the machine was at something else. */
const pauseMsMax = 5
/** Over how long the load by others is averaged. */
const averageMs = 20

/**
 * Gives turns in short slices with pauses between. While the loop is busy with other things the pauses are long, so that
 * these hardly notice; they are pauses and not spinning, because whoever waits for an answer may need the processor.
 */
export function createPace(options: PaceOptions): Pace {
  const { clock, idleMs = () => performance.nodeTiming.idleTime } = options
  let queue: (() => void)[] = []
  let first = 0
  let isRunning = false
  let turnsPerSlice = 4
  /** How busy others keep the loop, 0 to 1. */
  let load = 0
  const start = clock.monotonic()
  let last = { beganMs: start, endedMs: start, idleMs: idleMs() }
  let dueMs = start

  const noteLoad = (nowMs: number) => {
    const periodMs = nowMs - last.endedMs
    if (periodMs <= 0) return
    const busy = 1 - Math.min(1, Math.max(0, (idleMs() - last.idleMs) / periodMs))
    load += (busy - load) * Math.min(1, periodMs / averageMs)
  }

  const give = () => {
    const nowMs = clock.monotonic()
    noteLoad(nowMs)
    last.beganMs = nowMs
    const end = Math.min(queue.length, first + turnsPerSlice)
    for (; first < end; first += 1) queue[first]?.()
    if (first < queue.length) return
    queue = []
    first = 0
  }

  const measure = () => {
    const nowMs = clock.monotonic()
    const tookMs = nowMs - last.beganMs
    last = { beganMs: nowMs, endedMs: nowMs, idleMs: idleMs() }
    if (tookMs > sliceMs) turnsPerSlice = Math.max(1, turnsPerSlice >> 1)
    else if (tookMs < sliceMs / 2) turnsPerSlice = Math.min(turnsPerSliceMax, turnsPerSlice + 1)
    const share = Math.min(shareMax, Math.max(shareMin, fullShare - load))
    dueMs = nowMs + Math.min(pauseMsMax, (tookMs * (1 - share)) / share)
    isRunning = queue.length > first
    if (isRunning) arm()
  }

  // Both run in one round of the loop, one behind the other: what the turns do in their microtasks lies between them.
  const runSlice = () => {
    setImmediate(give)
    setImmediate(measure)
  }
  const arm = () => {
    const pauseMs = dueMs - clock.monotonic()
    // Timers have milliseconds: shorter pauses are a round of the loop.
    if (pauseMs < 0.5) runSlice()
    else clock.after(Math.ceil(pauseMs), runSlice)
  }

  return {
    turn: () =>
      new Promise(resolve => {
        queue.push(resolve)
        if (isRunning) return
        isRunning = true
        arm()
      }),
    waiting: () => queue.length - first,
  }
}
