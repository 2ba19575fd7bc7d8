/** Time, handed in. Nothing outside the kernel reads a clock or sets a timer by itself. */
export interface Clock {
  /** Milliseconds since the epoch, UTC. May step backwards when the operator sets the clock. */
  now(): number
  /** Milliseconds from an arbitrary start; never goes backwards. For durations. */
  monotonic(): number
  /** Calls `fn` once after `delayMs`; the returned function cancels it. Does not keep the process alive. */
  after(delayMs: number, fn: () => void): () => void
  /** Calls `fn` every `intervalMs` until cancelled. Does not keep the process alive. */
  every(intervalMs: number, fn: () => void): () => void
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
  every: (intervalMs, fn) => {
    const timer = setInterval(fn, intervalMs)
    timer.unref()
    return () => clearInterval(timer)
  },
}

/** A clock that tests move by hand: `advance` fires, in order, every timer that falls due. */
export interface ManualClock extends Clock {
  advance(ms: number): void
  /** Sets wall time without firing timers: the operator changed the clock. */
  step(ms: number): void
}

interface Timer {
  dueMs: number
  readonly everyMs: number | undefined
  readonly fn: () => void
}

/** A `ManualClock` that starts at `startMs` (default 2026-01-01T00:00:00Z). */
export function createManualClock(startMs = Date.UTC(2026, 0, 1)): ManualClock {
  let elapsedMs = 0
  let offsetMs = startMs
  const timers = new Set<Timer>()
  const add = (timer: Timer) => {
    timers.add(timer)
    return () => void timers.delete(timer)
  }
  const nextDue = (untilMs: number): Timer | undefined => {
    let next: Timer | undefined
    for (const timer of timers) {
      if (timer.dueMs <= untilMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer
    }
    return next
  }
  return {
    now: () => offsetMs + elapsedMs,
    monotonic: () => elapsedMs,
    after: (delayMs, fn) => add({ dueMs: elapsedMs + delayMs, everyMs: undefined, fn }),
    every: (intervalMs, fn) => add({ dueMs: elapsedMs + intervalMs, everyMs: Math.max(1, intervalMs), fn }),
    advance: ms => {
      const untilMs = elapsedMs + ms
      for (let timer = nextDue(untilMs); timer !== undefined; timer = nextDue(untilMs)) {
        elapsedMs = Math.max(elapsedMs, timer.dueMs)
        if (timer.everyMs === undefined) timers.delete(timer)
        else timer.dueMs += timer.everyMs
        timer.fn()
      }
      elapsedMs = untilMs
    },
    step: ms => {
      offsetMs += ms
    },
  }
}
