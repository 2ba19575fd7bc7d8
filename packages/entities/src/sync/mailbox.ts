/** Answers that one part of a program waits for while another one reads them. */
import { SyncError } from './contract.ts'

export interface Mailbox<T> {
  /** Throws SyncError when more come than anybody could have asked for. */
  put(value: T): void
  /** The next one; after `fail`, those that came before it, and then its error. */
  take(): Promise<T>
  fail(error: unknown): void
}

/** Holds at most `valuesMax` that nobody has taken. One taker at a time. */
export function createMailbox<T>(valuesMax: number): Mailbox<T> {
  const values: T[] = []
  let failure: { readonly error: unknown } | undefined
  let waiting: PromiseWithResolvers<T> | undefined
  return {
    put: value => {
      if (waiting !== undefined) {
        waiting.resolve(value)
        waiting = undefined
      } else if (values.length >= valuesMax)
        throw new SyncError('protocol', 'expected no more answers than there were questions')
      else values.push(value)
    },
    take: () => {
      const value = values.shift()
      if (value !== undefined) return Promise.resolve(value)
      if (failure !== undefined) return Promise.reject(failure.error)
      waiting = Promise.withResolvers<T>()
      return waiting.promise
    },
    fail: error => {
      failure ??= { error }
      waiting?.reject(error)
      waiting = undefined
    },
  }
}
