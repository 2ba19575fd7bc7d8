/** At most so many at a time; the others wait in their order. */
export interface Semaphore {
  run<T>(fn: () => Promise<T>): Promise<T>
}

/** Who waits is bounded by who may ask: the callers have bounds of their own. */
export function createSemaphore(max: number): Semaphore {
  const waiting: (() => void)[] = []
  let running = 0
  return {
    run: async fn => {
      if (running >= max) await new Promise<void>(go => waiting.push(go))
      else running += 1
      try {
        return await fn()
      } finally {
        const next = waiting.shift()
        if (next === undefined) running -= 1
        else next()
      }
    },
  }
}
