/** Removes events that are past the firehose's window. */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { deleteEventsBefore, newestEventBefore } from '../database/sequencer.ts'
import { windowSlackMs } from './firehose.ts'

export interface Pruning {
  start(): void
  /** One pass; gives how many events went. Passes do not overlap. */
  prune(): Promise<number>
  stop(): Promise<void>
}

const pruneEveryMs = 10 * 60_000
/** Events of one transaction: few enough that writes hardly wait. */
const chunkEvents = 200

/**
 * The newest event before the window stays: who asks for an older one is told so by it, and so is who falls behind it.
 */
export function createPruning(options: {
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly windowMs: number
}): Pruning {
  const { database, clock, logger, windowMs } = options
  let running: Promise<number> | undefined
  let stopping = false
  let end: (() => void) | undefined

  const pass = async (): Promise<number> => {
    const before = clock.now() - windowMs - windowSlackMs
    const newest = await database.read(tx => newestEventBefore(tx, before))
    if (newest === undefined) return 0
    let total = 0
    for (let removed = chunkEvents; removed === chunkEvents && !stopping; total += removed) {
      removed = await database.write(tx => deleteEventsBefore(tx, newest, chunkEvents))
    }
    return total
  }
  const prune = () =>
    (running ??= pass().finally(() => {
      running = undefined
    }))
  const pruneInBackground = () => {
    prune().catch((error: unknown) =>
      logger.warn({ error }, 'old events could not be removed; it is tried again'),
    )
  }

  return {
    start: () => {
      pruneInBackground()
      end = clock.every(pruneEveryMs, pruneInBackground)
    },
    prune,
    stop: async () => {
      stopping = true
      end?.()
      await running?.catch(() => undefined)
    },
  }
}
