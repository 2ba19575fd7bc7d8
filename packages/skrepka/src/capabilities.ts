/** What a client needs of its surroundings; handed in, so that tests move time and relays live in the same process. */

/** Time, in milliseconds. */
export interface ClientClock {
  now(): number
  /** Calls `fn` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, fn: () => void): () => void
}

/** The platform's `fetch`, or what looks like it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** Runs one piece of work at a time; across tabs too, where there are several. */
export type Lock = <T>(work: () => Promise<T>) => Promise<T>

/** A lock within this process. */
export function createLock(): Lock {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const mine = last.then(work, work)
    last = mine.catch(() => undefined)
    return mine
  }
}

/** Resolves after `delayMs`, or at once when the signal ends. Never rejects. */
export function pause(clock: ClientClock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const finish = () => {
      cancel()
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const cancel = clock.after(delayMs, finish)
    signal.addEventListener('abort', finish)
  })
}
