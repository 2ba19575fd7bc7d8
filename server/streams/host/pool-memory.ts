/** What the pool remembers of requests: where targets are open, what was quick, who was slow. */
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Host } from './host-state.ts'
import type { Waiting } from './job.ts'
import { provenMax, rememberedMax, slowMemoryMs } from './limits.ts'

export interface PoolMemory {
  /** The host in which a target was used last. */
  homeOf(key: string): number | undefined
  /** The epoch of a target in this host: another one than before when it was used elsewhere meanwhile. */
  epochAt(key: string, host: Host): number
  leave(key: string): void
  /** Whether it has to be tried apart from the others first. */
  isUnproven(job: Waiting): boolean
  wasQuick(job: Waiting): void
  wasSlow(job: Waiting): void
  /** Whether somebody's requests were slow a while ago; without an owner: anybody's. */
  isSlow(owner?: string): boolean
}

export function createPoolMemory(clock: Clock): PoolMemory {
  const places = createBoundedMap<string, { readonly host: number; readonly epoch: number }>(rememberedMax)
  const proven = createBoundedMap<string, true>(provenMax)
  const slowUntilMs = createBoundedMap<string, number>(rememberedMax)
  let anySlowUntilMs = -Infinity
  let epochs = 0
  return {
    homeOf: key => places.get(key)?.host,
    epochAt: (key, host) => {
      const place = places.get(key)
      if (place?.host === host.id) return place.epoch
      epochs += 1
      places.set(key, { host: host.id, epoch: epochs })
      return epochs
    },
    leave: key => places.delete(key),
    isUnproven: job => job.what !== undefined && proven.get(job.what) !== true,
    wasQuick: job => {
      if (job.proves && job.what !== undefined) proven.set(job.what, true)
    },
    wasSlow: job => {
      if (job.what !== undefined) proven.delete(job.what)
      anySlowUntilMs = clock.monotonic() + slowMemoryMs
      slowUntilMs.set(job.owner, anySlowUntilMs)
    },
    isSlow: owner => {
      const untilMs = owner === undefined ? anySlowUntilMs : slowUntilMs.get(owner)
      return untilMs !== undefined && untilMs > clock.monotonic()
    },
  }
}
