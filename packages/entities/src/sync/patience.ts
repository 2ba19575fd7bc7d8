/** How long one side waits for the other: as long as anything comes. */
import type { After } from './contract.ts'

export interface Patience {
  /** The same promise; while it is open, silence of `silenceMs` is too much. */
  expect<T>(promise: Promise<T>): Promise<T>
  /** Something has come. */
  heard(): void
  end(): void
}

/** Without `after` it is endless. */
export function createPatience(after: After | undefined, silenceMs: number, lost: () => void): Patience {
  let open = 0
  let heard = false
  let cancel: (() => void) | undefined
  const watch = () => {
    heard = false
    cancel = after?.(silenceMs, () => {
      cancel = undefined
      if (open === 0) return
      if (heard) watch()
      else lost()
    })
  }
  const end = () => {
    cancel?.()
    cancel = undefined
  }
  return {
    expect: async promise => {
      open += 1
      if (cancel === undefined) watch()
      // A timer that runs already began before this wait: it gets another turn.
      else heard = true
      try {
        return await promise
      } finally {
        open -= 1
      }
    },
    heard: () => {
      heard = true
    },
    end,
  }
}
