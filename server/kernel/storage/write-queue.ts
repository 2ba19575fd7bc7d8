import { Refusal } from '../errors.ts'
import type { MigrationTx } from './migrate.ts'
import type { Outcome } from './outcome.ts'

/** A transaction that waits for its turn. */
export interface WriteJob {
  readonly fn: (tx: MigrationTx) => Promise<unknown>
  readonly locks: readonly string[]
  readonly settle: (outcome: Outcome) => void
}

export interface WriteQueue {
  write<T>(fn: (tx: MigrationTx) => Promise<T>, locks: readonly string[]): Promise<T>
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>
}

/** Transactions that may wait; beyond it a write is refused. */
const waitingMax = 10_000

/**
 * Gathers transactions into groups. `runGroup` is given all that wait (and more come while it runs), settles as many
 * from the front as it takes, at least one, and gives their number. Between two groups the event loop turns, so that
 * requests are read and their writes can join; a lone writer waits for nobody.
 */
export function createWriteQueue(runGroup: (waiting: readonly WriteJob[]) => Promise<number>): WriteQueue {
  let waiting: WriteJob[] = []
  let running = false
  let whenIdle: (() => void)[] = []

  const turn = async (): Promise<void> => {
    const jobs = waiting
    const taken = await runGroup(jobs)
    waiting = jobs.slice(taken)
    if (waiting.length > 0) {
      setImmediate(turn)
      return
    }
    running = false
    const idle = whenIdle
    whenIdle = []
    for (const resolve of idle) resolve()
  }

  return {
    write: <T>(fn: (tx: MigrationTx) => Promise<T>, locks: readonly string[]) =>
      new Promise<T>((resolve, reject) => {
        if (waiting.length >= waitingMax) {
          throw new Refusal('unavailable', 'too many writes are waiting', { retryAfterMs: 1000 })
        }
        // What comes out is what `fn` gave: the queue holds transactions of every type.
        const settle = (outcome: Outcome) =>
          outcome.ok ? resolve(outcome.value as T) : reject(outcome.error)
        waiting.push({ fn, locks, settle })
        if (running) return
        running = true
        setImmediate(turn)
      }),
    idle: () => (running ? new Promise<void>(resolve => whenIdle.push(resolve)) : Promise.resolve()),
  }
}
