/** Slows down whoever brings more entries than her share, instead of refusing her. */
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Clock } from '../../kernel/clock.ts'

export interface Throttle {
  /** Resolves when so many entries of a network may be taken. */
  wait(network: string, entries: number): Promise<void>
}

/** Networks that are remembered. */
const networksMax = 50_000
/** What may come at once after a rest, in seconds of the share. */
const burstSeconds = 2

export function createThrottle(options: {
  readonly perSecond: number
  readonly clock: Pick<Clock, 'monotonic' | 'after'>
}): Throttle {
  const { perSecond, clock } = options
  /** When the last entry that was let in would be paid for. */
  const paidAt = createBoundedMap<string, number>(networksMax)
  return {
    wait: (network, entries) => {
      const nowMs = clock.monotonic()
      const from = Math.max(paidAt.get(network) ?? 0, nowMs - burstSeconds * 1000)
      const paid = from + (entries * 1000) / perSecond
      paidAt.set(network, paid)
      const waitMs = from - nowMs
      if (waitMs <= 0) return Promise.resolve()
      return new Promise(resolve => void clock.after(Math.ceil(waitMs), resolve))
    },
  }
}
