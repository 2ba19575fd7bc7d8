/** Token buckets in memory: so much in a window, refilled all the time, as the seed's runtime does. */
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Clock } from '../../kernel/clock.ts'

export interface Buckets {
  /** Takes `points` (default 1) of a name's bucket; gives 0, or how long to wait until they are there. Milliseconds. */
  take(name: string, points?: number): number
  /** Gives points back. */
  restore(name: string, points: number): void
}

/** Buckets that are kept of one kind; the one that was not used for the longest time is forgotten, and then full. */
const bucketsMax = 100_000

/** Buckets that hold `budget` points each; 0: no limit. More points than a bucket holds are taken from a full one. */
export function createBuckets(options: {
  readonly clock: Clock
  readonly budget: number
  readonly windowMs: number
}): Buckets {
  const { clock, budget, windowMs } = options
  if (budget === 0) return { take: () => 0, restore: () => undefined }
  const buckets = createBoundedMap<string, { points: number; atMs: number }>(bucketsMax)

  const bucketOf = (name: string) => {
    const nowMs = clock.monotonic()
    let bucket = buckets.get(name)
    if (bucket === undefined) {
      bucket = { points: budget, atMs: nowMs }
      buckets.set(name, bucket)
    }
    bucket.points = Math.min(budget, bucket.points + ((nowMs - bucket.atMs) * budget) / windowMs)
    bucket.atMs = nowMs
    return bucket
  }

  return {
    take: (name, points = 1) => {
      const bucket = bucketOf(name)
      const needed = Math.min(points, budget)
      if (bucket.points >= needed) {
        bucket.points -= points
        return 0
      }
      return Math.max(1, Math.ceil(((needed - bucket.points) * windowMs) / budget))
    },
    restore: (name, points) => {
      const bucket = bucketOf(name)
      bucket.points = Math.min(budget, bucket.points + points)
    },
  }
}
