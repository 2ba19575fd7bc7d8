import { Client, Pool, type PoolClient } from 'pg'
import type { Clock } from '../clock.ts'
import { Refusal } from '../errors.ts'
import type { Logger } from '../log.ts'
import { createChannels } from './channels.ts'
import type { Database, ReadTx } from './database.ts'
import { runMigrations } from './migrate.ts'
import { type PostgresClient, postgresConfig, readOnlyReason, toldPostgresError } from './postgres-client.ts'
import { startPostgresListener } from './postgres-listener.ts'
import { runScope } from './postgres-scope.ts'
import { createPostgresWriter } from './postgres-writer.ts'

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`. Must reach the server itself or a pooler in session mode. */
  readonly url: string
  readonly clock: Clock
  readonly log?: Logger
  /** Connections for reads; beside them one writes and one listens. */
  readonly readersMax?: number
}

const readersMaxDefault = 8

/** Reads that may wait for a connection; beyond it a read is refused. */
const waitingReadsMax = 10_000

/** How often everyone who listens is woken anyway, should a notification have been lost. */
const pollMs = 1000

/** The lock under which one node at a time migrates. */
const migrationLock = 'migrations'

/** Opens a PostgreSQL database that several nodes share. See `database.ts`. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { url, clock, log } = options
  const channels = createChannels(log)
  const lane = createLane(url, log)
  const pool = new Pool({ ...postgresConfig(url), max: options.readersMax ?? readersMaxDefault })
  pool.on('error', error => log?.warn({ error }, 'a connection to the database was lost'))
  let readOnly: string | undefined
  const writer = createPostgresWriter({
    connect: lane.connect,
    discard: lane.discard,
    wake: channels.wake,
    noted: error => {
      readOnly = readOnlyReason(error)
    },
  })
  await lane.connect().catch(async (error: unknown) => {
    await pool.end()
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
    await Promise.all([listener.close(), lane.close(), pool.end()])
  }
  const read = async <T>(fn: (tx: ReadTx) => Promise<T>): Promise<T> => {
    checkOpen()
    return readSnapshot(pool, fn)
  }

  return {
    engine: 'postgres',
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

/** A read on a connection of the pool. BEGIN and COMMIT are sent along, so that one statement costs one round trip. */
async function readSnapshot<T>(pool: Pool, fn: (tx: ReadTx) => Promise<T>): Promise<T> {
  if (pool.waitingCount >= waitingReadsMax) {
    throw new Refusal('unavailable', 'too many reads are waiting', { retryAfterMs: 1000 })
  }
  const client = await pool.connect().catch((error: unknown) => {
    throw toldPostgresError(error)
  })
  let begun: Promise<unknown> | undefined
  const begin = () => {
    begun = client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    begun.catch(() => undefined)
  }
  const { outcome, scope } = await runScope(client, begin, fn)
  void giveBack(client, begun, scope.failure() === undefined ? 'COMMIT' : 'ROLLBACK')
  if (!outcome.ok) throw toldPostgresError(outcome.error)
  return outcome.value as T
}

async function giveBack(client: PoolClient, begun: Promise<unknown> | undefined, end: string): Promise<void> {
  try {
    if (begun !== undefined) {
      await begun
      await client.query(end)
    }
    client.release()
  } catch {
    // Whatever it is in the middle of, nobody shall have it again.
    client.release(true)
  }
}

interface Lane {
  connect(): Promise<PostgresClient>
  discard(client: PostgresClient): void
  /** The server's process of the connection. */
  process(): number | undefined
  close(): Promise<void>
}

/** The connection that writes: opened when it is needed, and again after it was lost. */
function createLane(url: string, log: Logger | undefined): Lane {
  let current: Client | undefined
  let processId: number | undefined

  const discard = (client: PostgresClient) => {
    if (current !== client) return
    const gone = current
    current = undefined
    void gone.end().catch(() => undefined)
  }
  return {
    connect: async () => {
      if (current !== undefined) return current
      const fresh = new Client(postgresConfig(url))
      fresh.on('error', error => {
        log?.warn({ error }, 'the connection that writes to the database was lost')
        discard(fresh)
      })
      fresh.on('end', () => discard(fresh))
      try {
        await fresh.connect()
        const { rows } = await fresh.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
        processId = rows[0]?.pid
      } catch (error) {
        void fresh.end().catch(() => undefined)
        throw error
      }
      current = fresh
      return fresh
    },
    discard,
    process: () => processId,
    close: async () => {
      const last = current
      current = undefined
      await last?.end()
    },
  }
}
