/** Removes files that nothing needs any more, and blobs that no record ever came for. */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { BlobStore } from '../../kernel/storage/blobs.ts'
import type { Database } from '../../kernel/storage/database.ts'
import {
  blobGarbageChannel,
  blobsWaitingSince,
  deleteGarbage,
  dropBlob,
  garbageDue,
} from '../database/blobs.ts'

export interface BlobSweeper {
  start(): void
  /** One pass over all that is due; passes do not overlap. */
  sweep(): Promise<void>
  /** Waits for the pass under way. */
  stop(): Promise<void>
}

/** How often is looked for what became due without notice. */
const sweepMs = 60_000
/** Files and blobs of one step. */
const stepMax = 100

export function createBlobSweeper(options: {
  readonly database: Database
  readonly store: BlobStore
  readonly clock: Clock
  readonly logger: Logger
  /** How long a blob waits for a record, in milliseconds. */
  readonly temporaryMs: number
}): BlobSweeper {
  const { database, store, clock, logger, temporaryMs } = options
  let running: Promise<void> | undefined
  let again = false
  let ends: (() => void)[] = []

  const expire = async (): Promise<number> =>
    database.write(async tx => {
      const blobs = await blobsWaitingSince(tx, clock.now() - temporaryMs, stepMax)
      for (const { account, ...blob } of blobs) await dropBlob(tx, account, blob, clock.now())
      return blobs.length
    })

  const removeFiles = async (): Promise<number> => {
    const keys = await database.read(tx => garbageDue(tx, clock.now(), stepMax))
    for (const key of keys) await store.remove(key)
    if (keys.length > 0) {
      await database.write(async tx => {
        for (const key of keys) await deleteGarbage(tx, key)
      })
    }
    return keys.length
  }

  const pass = async (): Promise<void> => {
    while ((await expire()) === stepMax);
    while ((await removeFiles()) === stepMax);
  }

  const sweep = async (): Promise<void> => {
    again = true
    running ??= (async () => {
      while (again) {
        again = false
        await pass()
      }
    })().finally(() => {
      running = undefined
    })
    return running
  }

  const sweepInBackground = () => {
    sweep().catch((error: unknown) => logger.warn({ error }, 'blobs could not be swept; it is tried again'))
  }

  return {
    start: () => {
      ends = [database.listen(blobGarbageChannel, sweepInBackground), clock.every(sweepMs, sweepInBackground)]
    },
    sweep,
    stop: async () => {
      for (const end of ends) end()
      again = false
      await running?.catch(() => undefined)
    },
  }
}
