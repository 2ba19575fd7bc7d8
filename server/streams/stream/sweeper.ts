/** What is done now and then: finishing what was cut off, removing what nobody needs. */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { pendingBefore, pendingHandlesBefore } from '../database/pending.ts'
import type { Creation } from '../identity/create.ts'
import type { Handles } from '../identity/handle.ts'
import { errorText } from './error-text.ts'

export interface Sweeper {
  start(): void
  /** No new round begins; resolves when the one under way is done. */
  stop(): Promise<void>
  /** One round; never throws. */
  sweep(): Promise<void>
}

const intervalMs = 60_000
/** Older than anything that is still under way: calls to the directory have time-outs. */
const pendingAgeMs = 120_000
const perRoundMax = 100

export function createSweeper(deps: {
  readonly database: Pick<Database, 'read'>
  readonly clock: Clock
  readonly log: Logger
  readonly creation: Creation
  readonly handles: Handles
  /** Each is done once a round, one after the other; what one throws is the others' no matter. */
  readonly chores: Readonly<Record<string, () => Promise<unknown>>>
}): Sweeper {
  const { database, clock, log, creation, handles, chores } = deps
  let cancel: (() => void) | undefined
  let running: Promise<void> | undefined

  const settle = async <Row extends { readonly did: string }>(
    what: string,
    rows: readonly Row[],
    one: (row: Row) => Promise<'finished' | 'undone'>,
  ) => {
    for (const row of rows) {
      try {
        const how = await one(row)
        log.info({ stream: row.did, what, how }, 'settled what was cut off on its way to the PLC directory')
      } catch (error) {
        log.warn({ stream: row.did, what, error: errorText(error) }, 'could not settle what was cut off yet')
      }
    }
  }
  const sweepPending = async () => {
    const before = clock.now() - pendingAgeMs
    await settle(
      'creation',
      await database.read(tx => pendingBefore(tx, before, perRoundMax)),
      creation.settle,
    )
    const names = await database.read(tx => pendingHandlesBefore(tx, before, perRoundMax))
    await settle('handle', names, handles.settle)
  }
  const round = async () => {
    for (const [name, chore] of [['pending', sweepPending] as const, ...Object.entries(chores)]) {
      try {
        await chore()
      } catch (error) {
        log.warn({ chore: name, error: errorText(error) }, 'a chore of the streams failed')
      }
    }
  }
  const sweep = () => {
    running ??= round().finally(() => {
      running = undefined
    })
    return running
  }
  return {
    sweep,
    start: () => {
      cancel ??= clock.every(intervalMs, () => void sweep())
      void sweep()
    },
    stop: async () => {
      cancel?.()
      cancel = undefined
      await running
    },
  }
}
