/** Something that is waited for, again and again: who waits is woken by the next `wake`, or when its signal ends. */
export interface Waker {
  wake(): void
  wait(signal: AbortSignal): Promise<void>
}

/** A wake that nobody waits for is remembered, so that none is lost between looking and waiting. */
export function createWaker(): Waker {
  let pending = false
  let waiting: (() => void) | undefined
  return {
    wake: () => {
      if (waiting === undefined) pending = true
      else waiting()
    },
    wait: signal =>
      new Promise(resolve => {
        if (pending || signal.aborted) {
          pending = false
          return resolve()
        }
        const finish = () => {
          waiting = undefined
          signal.removeEventListener('abort', finish)
          resolve()
        }
        waiting = finish
        signal.addEventListener('abort', finish)
      }),
  }
}
