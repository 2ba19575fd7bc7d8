/**
 * Virtual time. What is due is run in the order of time, then of asking; between two events everything that promises
 * still have to do is done. So a program that waits only for promises and for this clock takes the same course each time.
 */
import process from 'node:process'
import type { Clock } from '../../server/kernel/clock.ts'

export interface Loop {
  /** Virtual milliseconds since the start. */
  elapsedMs(): number
  /** Runs `fn` once, after `delayMs`; the returned function cancels it. */
  at(delayMs: number, fn: () => void): () => void
  /** Runs everything that is due up to `untilMs`, and leaves the time there. Ends early, in order, when `isDone` says so. */
  run(untilMs: number, isDone?: () => boolean): Promise<void>
  /** How many events were run. */
  events(): number
}

interface Entry {
  readonly dueMs: number
  readonly order: number
  fn: (() => void) | undefined
}

/** Events between two looks at the real event loop, so that signals and test timeouts are noticed. */
const eventsPerTurn = 2000

/** A loop that stands at 0 ms. */
export function createLoop(): Loop {
  const heap: Entry[] = []
  let elapsedMs = 0
  let asked = 0
  let events = 0

  const run = (untilMs: number, isDone: () => boolean = () => false) =>
    new Promise<void>((resolve, reject) => {
      const step = () => {
        let next = heap[0]
        while (next !== undefined && next.fn === undefined) {
          popEntry(heap)
          next = heap[0]
        }
        if (isDone()) return resolve()
        if (next === undefined || next.dueMs > untilMs) {
          elapsedMs = Math.max(elapsedMs, untilMs)
          return resolve()
        }
        popEntry(heap)
        elapsedMs = Math.max(elapsedMs, next.dueMs)
        events += 1
        try {
          next.fn?.()
        } catch (error) {
          return reject(error)
        }
        schedule(step, events)
      }
      schedule(step, 0)
    })

  return {
    elapsedMs: () => elapsedMs,
    at: (delayMs, fn) => {
      const entry: Entry = { dueMs: elapsedMs + Math.max(0, delayMs), order: (asked += 1), fn }
      pushEntry(heap, entry)
      return () => {
        entry.fn = undefined
      }
    },
    run,
    events: () => events,
  }
}

/**
 * Runs `step` when the queue of microtasks is empty. The tick is asked for from within a microtask: Node runs the ticks
 * it has, then every microtask to the last, and only then the ticks that these asked for.
 */
function schedule(step: () => void, events: number): void {
  if (events % eventsPerTurn === eventsPerTurn - 1) setImmediate(step)
  else queueMicrotask(() => process.nextTick(step))
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)
}

function pushEntry(heap: Entry[], entry: Entry): void {
  let at = heap.length
  heap.push(entry)
  while (at > 0) {
    const parentAt = (at - 1) >> 1
    const parent = heap[parentAt]
    if (parent === undefined || !isBefore(entry, parent)) break
    heap[at] = parent
    at = parentAt
  }
  heap[at] = entry
}

function popEntry(heap: Entry[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    const left = heap[2 * at + 1]
    const right = heap[2 * at + 2]
    if (left === undefined) break
    const [child, childAt] =
      right !== undefined && isBefore(right, left) ? [right, 2 * at + 2] : [left, 2 * at + 1]
    if (!isBefore(child, last)) break
    heap[at] = child
    at = childAt
  }
  heap[at] = last
}

/** A process's view of the time: its timers end with it, its wall clock can be wrong and can be set. */
export interface ProcessClock extends Clock {
  /** Sets the wall clock. */
  step(ms: number): void
  /** From now on no timer of this clock runs, and none is set. */
  kill(): void
}

/** 2026-01-01T00:00:00Z, where every world begins. */
export const worldStartMs = Date.UTC(2026, 0, 1)

/** A clock on virtual time; `offsetMs` is how wrong its wall clock is. */
export function createProcessClock(loop: Loop, offsetMs = 0): ProcessClock {
  let wrongMs = offsetMs
  let dead = false
  const after = (delayMs: number, fn: () => void) => {
    if (dead) return () => undefined
    return loop.at(delayMs, () => {
      if (!dead) fn()
    })
  }
  return {
    now: () => worldStartMs + Math.floor(loop.elapsedMs()) + wrongMs,
    monotonic: () => loop.elapsedMs(),
    after,
    every: (intervalMs, fn) => {
      let cancel: () => void = () => undefined
      const next = () => {
        cancel = after(Math.max(1, intervalMs), () => {
          next()
          fn()
        })
      }
      next()
      return () => cancel()
    },
    step: ms => {
      wrongMs += ms
    },
    kill: () => {
      dead = true
    },
  }
}
