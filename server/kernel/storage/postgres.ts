import type { Clock } from '../clock.ts'
import { Refusal } from '../errors.ts'
import type { Logger } from '../log.ts'
import { createChannels } from './channels.ts'
import type { Database, ReadTx } from './database.ts'
import { runMigrations } from './migrate.ts'
import { readOnlyReason, toldPostgresError } from './postgres-client.ts'
import { createPostgresLane } from './postgres-lane.ts'
import { startPostgresListener } from './postgres-listener.ts'
import { createPostgresReader } from './postgres-reader.ts'
import { createPostgresGroup } from './postgres-writer.ts'
import { createWriteQueue } from './write-queue.ts'

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`. Must reach the server itself or a pooler in session mode. */
  readonly url: string
  readonly clock: Clock
  readonly log?: Logger
  /** Connections for reads; beside them one writes and one listens. */
  readonly readersMax?: number
}

const readersMaxDefault = 8

/** How often everyone who listens is woken anyway, should a notification have been lost. */
const pollMs = 1000

/** The lock under which one node at a time migrates. */
const migrationLock = 'migrations'

/** Opens a PostgreSQL database that several nodes share. See `database.ts`. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { url, clock, log } = options
  const channels = createChannels(log)
  const lane = createPostgresLane(url, log)
  const reader = createPostgresReader({ url, connectionsMax: options.readersMax ?? readersMaxDefault, log })
  let readOnly: string | undefined
  const noted = (error: unknown) => {
    readOnly = readOnlyReason(error)
  }
  const { connect, discard } = lane
  const writer = createWriteQueue(createPostgresGroup({ connect, discard, wake: channels.wake, noted }))
  await lane.connect().catch(async (error: unknown) => {
    await reader.close()
    throw toldPostgresError(error)
  })
  const listener = startPostgresListener({
    url,
    clock,
    log,
    ownProcess: lane.process,
    heard: channel => channels.wake([channel]),
    missed: channels.wakeAll,
  })
  await listener.started
  const stopPoll = clock.every(pollMs, channels.wakeAll)
  let closing: Promise<void> | undefined

  const checkOpen = () => {
    if (closing !== undefined) throw new Refusal('unavailable', 'the server is shutting down')
  }
  const closeAll = async () => {
    stopPoll()
    await writer.idle()
    channels.clear()
    await Promise.all([listener.close(), lane.close(), reader.close()])
  }
  const read = async <T>(fn: (tx: ReadTx) => Promise<T>): Promise<T> => {
    checkOpen()
    return reader.read(fn)
  }

  return {
    engine: 'postgres',
    // A read of one statement sends nothing else.
    direct: {
      all: (sql, params) => read(tx => tx.all(sql, params)),
      get: (sql, params) => read(tx => tx.get(sql, params)),
    },
    read,
    write: async (fn, { locks = [] } = {}) => {
      checkOpen()
      return writer.write(fn, locks)
    },
    listen: channels.listen,
    migrate: (system, migrations) =>
      runMigrations(
        fn => writer.write(fn, [migrationLock]),
        () => clock.now(),
        system,
        migrations,
      ),
    check: async () => {
      await read(tx => tx.get('SELECT 1 AS one'))
    },
    readOnly: () => readOnly,
    close: () => (closing ??= closeAll()),
  }
}
