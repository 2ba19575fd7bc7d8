/** What accounts do in the background: settle interrupted creations, remove what is over. */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { pendingAgeMs, type SweepCreations } from './creation-sweeper.ts'
import { createHousekeeping, housekeepingMs } from './housekeeping.ts'

export interface BackgroundDeps {
  readonly database: Database
  readonly clock: Clock
  readonly log: Logger
  readonly sweepCreations: SweepCreations
}

/** Work without anybody waiting for it. */
export interface Background {
  /** Settles what the last run of the server left, then goes on by the clock. */
  start(): Promise<void>
  /** Nothing begins any more; waits for what is under way. */
  stop(): Promise<void>
}

/** The background work of accounts. */
export function createBackground(deps: BackgroundDeps): Background {
  const { database, clock, log, sweepCreations } = deps
  const keepHouse = createHousekeeping({ database, clock })
  let ends: (() => void)[] = []
  const underWay = new Map<string, Promise<void>>()
  const run = (name: string, work: () => Promise<unknown>) => {
    if (underWay.has(name)) return
    const done = work().then(
      () => undefined,
      (error: unknown) => log.warn({ error, work: name }, 'background work failed; it is tried again'),
    )
    underWay.set(
      name,
      done.finally(() => underWay.delete(name)),
    )
  }
  return {
    start: async () => {
      // With one node, nobody else can be at work on what is pending now.
      run('creations', () => sweepCreations(database.engine === 'sqlite' ? 0 : pendingAgeMs))
      await Promise.all(underWay.values())
      ends = [
        clock.every(pendingAgeMs, () => run('creations', () => sweepCreations())),
        clock.every(housekeepingMs, () => run('housekeeping', keepHouse)),
      ]
    },
    stop: async () => {
      for (const end of ends) end()
      ends = []
      await Promise.all(underWay.values())
    },
  }
}
