/** Who waits for mail: polls that end after a while, and streams. One timer for all of them. */
import type { Clock } from '../../kernel/clock.ts'
import type { KeyHex } from '../contract.ts'

/** Why a wait is over. */
export type WaitEnd = 'mail' | 'timeout' | 'gone' | 'stop'

/** One that waits. `end` is called once, unless it is withdrawn before. */
export interface Waiter {
  readonly key: KeyHex
  /** By the monotonic clock; infinite: it never ends by itself. */
  readonly dueMs: number
  readonly end: (why: WaitEnd) => void
}

export interface Waiters {
  /** Waits that end by themselves must have the same length: they are kept in the order in which they come. */
  add(waiter: Waiter): void
  /** Takes one back; nothing happens when it is not waiting. */
  withdraw(waiter: Waiter): void
  /** Ends one. */
  end(waiter: Waiter, why: WaitEnd): void
  isAwaited(key: KeyHex): boolean
  /** Ends all that wait for a key. */
  wake(key: KeyHex): void
  /** Ends all that wait for keys for which `isMeant` holds. */
  wakeThose(isMeant: (key: KeyHex) => boolean): void
  /** Ends everybody; who comes later is ended at once. */
  stop(): void
  count(): number
}

export function createWaiters({ clock }: { readonly clock: Clock }): Waiters {
  const byKey = new Map<KeyHex, Waiter | Set<Waiter>>()
  // In the order in which they end. A Set keeps it, and lets anyone out from the middle.
  const timed = new Set<Waiter>()
  let cancelTimer: (() => void) | undefined
  let count = 0
  let stopped = false

  const drop = (waiter: Waiter): boolean => {
    const there = byKey.get(waiter.key)
    if (there === waiter) byKey.delete(waiter.key)
    else if (!(there instanceof Set) || !there.delete(waiter)) return false
    else if (there.size === 0) byKey.delete(waiter.key)
    timed.delete(waiter)
    count -= 1
    return true
  }
  const end = (waiter: Waiter, why: WaitEnd) => {
    if (drop(waiter)) waiter.end(why)
  }
  const arm = () => {
    if (cancelTimer !== undefined) return
    const [first] = timed
    if (first === undefined) return
    cancelTimer = clock.after(Math.max(0, Math.ceil(first.dueMs - clock.monotonic())), () => {
      cancelTimer = undefined
      const nowMs = clock.monotonic()
      for (const waiter of timed) {
        if (waiter.dueMs > nowMs) break
        end(waiter, 'timeout')
      }
      arm()
    })
  }
  const wake = (key: KeyHex) => {
    const there = byKey.get(key)
    if (there === undefined) return
    for (const waiter of there instanceof Set ? [...there] : [there]) end(waiter, 'mail')
  }

  return {
    add: waiter => {
      if (stopped) {
        waiter.end('stop')
        return
      }
      const there = byKey.get(waiter.key)
      if (there === undefined) byKey.set(waiter.key, waiter)
      else if (there instanceof Set) there.add(waiter)
      else byKey.set(waiter.key, new Set([there, waiter]))
      count += 1
      if (waiter.dueMs === Number.POSITIVE_INFINITY) return
      timed.add(waiter)
      arm()
    },
    withdraw: waiter => void drop(waiter),
    end,
    isAwaited: key => byKey.has(key),
    wake,
    wakeThose: isMeant => {
      for (const key of byKey.keys()) if (isMeant(key)) wake(key)
    },
    stop: () => {
      stopped = true
      cancelTimer?.()
      for (const there of byKey.values()) {
        for (const waiter of there instanceof Set ? [...there] : [there]) end(waiter, 'stop')
      }
    },
    count: () => count,
  }
}
