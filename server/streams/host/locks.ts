/** One thing at a time for each key. */
import { Refusal } from '../../kernel/errors.ts'

export interface Locks {
  /** Resolves with the release once those before have released. Throws Refusal `unavailable` when too many wait. */
  take(key: string): Promise<() => void>
}

/** Locks, for each of which at most `waitingMax` wait. */
export function createLocks(waitingMax: number): Locks {
  const taken = new Map<string, (() => void)[]>()
  const release = (key: string) => {
    const next = taken.get(key)?.shift()
    if (next === undefined) taken.delete(key)
    else next()
  }
  const releaseOnce = (key: string) => {
    let isReleased = false
    return () => {
      if (isReleased) return
      isReleased = true
      release(key)
    }
  }
  return {
    take: async key => {
      const waiting = taken.get(key)
      if (waiting === undefined) {
        taken.set(key, [])
        return releaseOnce(key)
      }
      if (waiting.length >= waitingMax)
        throw new Refusal('unavailable', 'too many requests wait for this stream', { retryAfterMs: 1000 })
      await new Promise<void>(resolve => waiting.push(resolve))
      return releaseOnce(key)
    },
  }
}
