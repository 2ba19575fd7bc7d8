/** Capabilities for programs that are clients: they wait, and call who their user names. */
import type { Clock } from './clock.ts'

/** A clock like `clock`, whose timers keep the process alive: for a command that waits for something. */
export function waitingClock(clock: Clock): Clock {
  return {
    ...clock,
    after: (delayMs, fn) => {
      const timer = setTimeout(fn, delayMs)
      return () => clearTimeout(timer)
    },
    every: (intervalMs, fn) => {
      const timer = setInterval(fn, intervalMs)
      return () => clearInterval(timer)
    },
  }
}

/** The platform's fetch, without a policy: for addresses that the user of this process gives. */
export const platformFetch = (url: string, init: RequestInit): Promise<Response> => fetch(url, init)
