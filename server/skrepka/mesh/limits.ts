/** Bounds on what peers may make this relay do. All in memory, all bounded themselves. */
import type { Clock } from '../../kernel/clock.ts'

export interface Budget {
  /** Whether `amount` was there for `key`; it is then spent. */
  spend(key: string, amount: number): boolean
  /** Gives back what was not used after all. */
  refund(key: string, amount: number): void
  /** What is left for `key` now. */
  left(key: string): number
  /** What was spent in the running windows of all, for metrics. */
  spent(): number
}

export interface BudgetOptions {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly each: number
  /** What all keys get together. */
  readonly all: number
  readonly windowMs: number
}

/** So much for each key and so much for all in a window, which begins with the first that is spent. */
export function createBudget({ clock, each, all, windowMs }: BudgetOptions): Budget {
  // As many keys as `all` can feed are kept for the window; nobody else has spent anything. Forgotten together.
  const spent = new Map<string, number>()
  let total = 0
  let endMs = Number.NEGATIVE_INFINITY
  const renew = () => {
    if (clock.monotonic() < endMs) return
    spent.clear()
    total = 0
    endMs = clock.monotonic() + windowMs
  }
  const left = (key: string) => Math.max(0, Math.min(each - (spent.get(key) ?? 0), all - total))
  return {
    spend: (key, amount) => {
      renew()
      if (amount > left(key)) return false
      spent.set(key, (spent.get(key) ?? 0) + amount)
      total += amount
      return true
    },
    refund: (key, amount) => {
      const before = spent.get(key)
      if (before === undefined) return
      const back = Math.min(before, amount)
      spent.set(key, before - back)
      total -= back
    },
    left: key => {
      renew()
      return left(key)
    },
    spent: () => total,
  }
}

/** Whom a limit by address counts as one: an IPv4 address, or the /64 that an IPv6 customer has to itself. */
export function callerOf(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const [left = '', right] = address.toLowerCase().split('::')
  const before = left === '' ? [] : left.split(':')
  const after = right === undefined || right === '' ? [] : right.split(':')
  const zeros = right === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array.from({ length: zeros }, () => '0'), ...after]
  return groups
    .slice(0, 4)
    .map(group => group.replace(/^0+(?=.)/, ''))
    .join(':')
}

export interface ByteGate {
  /** Waits until `bytes` more may be held, first come, first served. The returned function gives them back. */
  enter(bytes: number): Promise<() => void>
}

/** Bounds the bytes that are held at a time; one that alone is more than the bound goes through by itself. */
export function createByteGate(bytesMax: number): ByteGate {
  let held = 0
  const waiting: { readonly bytes: number; readonly go: () => void }[] = []
  const admit = () => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (held > 0 && held + next.bytes > bytesMax) return
      waiting.shift()
      held += next.bytes
      next.go()
    }
  }
  return {
    enter: bytes =>
      new Promise(resolve => {
        const go = () => {
          let left = false
          resolve(() => {
            if (left) return
            left = true
            held -= bytes
            admit()
          })
        }
        waiting.push({ bytes, go })
        admit()
      }),
  }
}
