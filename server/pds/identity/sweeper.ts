/** Finishes or undoes changes of DIDs that were cut off between the directory and the second transaction. */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { pendingOperationsBefore } from '../database/identity.ts'
import type { DidChanges } from './did-changes.ts'

export interface IdentitySweeperDependencies {
  readonly database: Pick<Database, 'read'>
  readonly clock: Clock
  readonly changes: Pick<DidChanges, 'settle'>
  readonly log: Logger
}

export interface IdentitySweeper {
  /** Sweeps now and then every minute. */
  start(): void
  /** No new sweep begins; resolves when the one under way is done. */
  stop(): Promise<void>
  /** One sweep; gives how many changes were finished and undone. What the directory says nothing about stays. */
  sweep(): Promise<{ readonly finished: number; readonly undone: number }>
}

const intervalMs = 60_000
/** Older than any change that is still under way: its calls to the directory have time-outs. */
const pendingAgeMs = 120_000
const perSweepMax = 100

/** A sweeper that does nothing until it is started. */
export function createIdentitySweeper(dependencies: IdentitySweeperDependencies): IdentitySweeper {
  const { database, clock, changes, log } = dependencies
  let cancel: (() => void) | undefined
  let running: Promise<unknown> | undefined

  const sweep = async () => {
    const before = clock.now() - pendingAgeMs
    const rows = await database.read(tx => pendingOperationsBefore(tx, before, perSweepMax))
    const done = { finished: 0, undone: 0 }
    for (const row of rows) {
      const { account, purpose } = row
      try {
        const how = await changes.settle(row)
        done[how] += 1
        log.info({ account, purpose, how }, 'settled an interrupted change of an identity')
      } catch (error) {
        log.warn({ error, account, purpose }, 'could not settle an interrupted change of an identity yet')
      }
    }
    return done
  }
  const tick = () => {
    running ??= sweep()
      .catch((error: unknown) => log.warn({ error }, 'could not look for interrupted changes of identities'))
      .finally(() => {
        running = undefined
      })
  }
  return {
    sweep,
    start: () => {
      cancel ??= clock.every(intervalMs, tick)
      tick()
    },
    stop: async () => {
      cancel?.()
      cancel = undefined
      await running
    },
  }
}
