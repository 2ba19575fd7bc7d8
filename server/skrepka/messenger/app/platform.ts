/** The browser as the client sees it. */
import type { ClientClock, Lock } from '@leaf/skrepka/capabilities'

export const clock: ClientClock = {
  now: () => Date.now(),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

export const random = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count))

/** One change of the store at a time, whichever tab makes it. */
export const storeLock: Lock = work => navigator.locks.request('skrepka-store', work)

/** Calls `lead` in one tab only; in the next one once this tab is closed. */
export function leadOneTab(lead: () => void): void {
  void navigator.locks.request('skrepka-network', () => {
    lead()
    return new Promise(() => undefined)
  })
}
