import { Pool, type PoolClient } from 'pg'
import { Refusal } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { ReadTx } from './database.ts'
import { postgresConfig, toldPostgresError } from './postgres-client.ts'
import { runScope } from './postgres-scope.ts'

/** Reads over a pool of connections: each on a snapshot of what is committed when its first statement runs. */
export interface PostgresReader {
  read<T>(fn: (tx: ReadTx) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Reads that may wait for a connection; beyond it a read is refused. */
const waitingReadsMax = 10_000

export function createPostgresReader(options: {
  readonly url: string
  readonly connectionsMax: number
  readonly log: Logger | undefined
}): PostgresReader {
  const pool = openPool(options.url, options.connectionsMax, options.log)
  return { read: fn => readSnapshot(pool, fn), close: () => pool.end() }
}

function openPool(url: string, max: number, log: Logger | undefined): Pool {
  const pool = new Pool({ ...postgresConfig(url), max })
  pool.on('error', error => log?.warn({ error }, 'a connection to the database was lost'))
  // The pool hears of idle connections only. One that is lost while it is lent out fails the statement, or the next one.
  pool.on('connect', client =>
    client.on('error', error => log?.debug({ error }, 'a connection was lost in use')),
  )
  return pool
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
