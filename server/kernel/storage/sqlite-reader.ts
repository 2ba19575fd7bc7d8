import { Refusal } from '../errors.ts'
import type { ReadTx, SqlValue } from './database.ts'
import { statementOf } from './dialect.ts'
import type { Outcome } from './outcome.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { createSqliteScope, createTurnWatch } from './sqlite-scope.ts'

/** Reads on a connection that has no part in writing: each on a snapshot of what is committed when it begins. */
export interface SqliteReader {
  read<T>(fn: (tx: ReadTx) => Promise<T>): Promise<T>
  /** One statement by itself: at once where nobody reads, else as a read of its own. */
  readonly direct: ReadTx
  /** Resolves when every read that was asked for before has ended. */
  idle(): Promise<void>
}

const begin = statementOf('BEGIN')
const commit = statementOf('COMMIT')

/** Reads that may wait for one another within a turn of the event loop. */
const waitingMax = 10_000

/**
 * Runs reads one after another, each to its end. All their waiting is on the microtask queue, so that the connection
 * is free again before the next request is looked at, and no snapshot is held over a turn of the event loop.
 */
export function createSqliteReader(connection: SqliteConnection): SqliteReader {
  const watch = createTurnWatch()
  const waiting: (() => void)[] = []
  let busy = false

  const run = async (fn: (tx: ReadTx) => Promise<unknown>): Promise<Outcome> => {
    const scope = createSqliteScope(connection, () => undefined)
    connection.run(begin, [])
    try {
      return await watch.run(scope, () => fn(scope.tx))
    } finally {
      if (connection.isTransaction()) connection.run(commit, [])
    }
  }

  // The connection goes from hand to hand: it is not free between a read that ends and the next one that waited.
  const finish = () => {
    const next = waiting.shift()
    if (next === undefined) busy = false
    else next()
  }

  const read = async <T>(fn: (tx: ReadTx) => Promise<T>): Promise<T> => {
    if (busy) {
      if (waiting.length >= waitingMax) {
        throw new Refusal('unavailable', 'too many reads are waiting', { retryAfterMs: 1000 })
      }
      await new Promise<void>(resolve => waiting.push(resolve))
    }
    busy = true
    try {
      const outcome = await run(fn)
      if (!outcome.ok) throw outcome.error
      return outcome.value as T
    } finally {
      finish()
    }
  }

  const direct: ReadTx = {
    all: async <Row>(sql: string, params: readonly SqlValue[] = []) =>
      busy ? read(tx => tx.all<Row>(sql, params)) : (connection.all(statementOf(sql), params) as Row[]),
    get: async <Row>(sql: string, params: readonly SqlValue[] = []) =>
      busy
        ? read(tx => tx.get<Row>(sql, params))
        : (connection.get(statementOf(sql), params) as Row | undefined),
  }
  return { read, direct, idle: () => read(async () => undefined) }
}
