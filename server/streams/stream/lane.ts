/** Who may use a stream's host now: many readers or one writer, in the order in which they came. */
import { Refusal } from '../../kernel/errors.ts'

export interface Lane {
  /** Runs beside other readers. Throws Refusal `unavailable` when too many wait. */
  shared<T>(fn: () => Promise<T>): Promise<T>
  /** Runs alone. */
  exclusive<T>(fn: () => Promise<T>): Promise<T>
  /** Whether nobody runs or waits. */
  isIdle(): boolean
}

interface Waiter {
  readonly alone: boolean
  readonly go: () => void
}

/** Readers that may wait for one stream. */
const waitingMax = 1000

export function createLane(): Lane {
  const waiting: Waiter[] = []
  let readers = 0
  let alone = false

  const admit = () => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (alone || (next.alone && readers > 0)) return
      waiting.shift()
      if (next.alone) alone = true
      else readers += 1
      next.go()
    }
  }
  const enter = (wantsAlone: boolean): Promise<void> | undefined => {
    const free = wantsAlone ? readers === 0 : true
    if (!alone && free && waiting.length === 0) {
      if (wantsAlone) alone = true
      else readers += 1
      return undefined
    }
    if (!wantsAlone && waiting.length >= waitingMax) {
      throw new Refusal('unavailable', 'too many requests wait for this stream', { retryAfterMs: 1000 })
    }
    return new Promise(go => waiting.push({ alone: wantsAlone, go }))
  }

  return {
    shared: async fn => {
      await enter(false)
      try {
        return await fn()
      } finally {
        readers -= 1
        admit()
      }
    },
    exclusive: async fn => {
      await enter(true)
      try {
        return await fn()
      } finally {
        alone = false
        admit()
      }
    },
    isIdle: () => !alone && readers === 0 && waiting.length === 0,
  }
}
