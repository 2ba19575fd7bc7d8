import type { SqlValue } from './database.ts'
import { type Statement, statementOf } from './dialect.ts'
import type { MigrationTx } from './migrate.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

/** The time and the rights of one function over a connection, and what became of it. */
export interface SqliteScope {
  readonly tx: MigrationTx
  /** Channels that the function notified. */
  readonly channels: ReadonlySet<string>
  /** The first statement that failed; nothing may be run after it. */
  failure(): unknown
  /** From here on every call of `tx` throws. */
  end(): void
}

/** A `tx` over `connection`; `beforeChange` runs before every statement that may change something. */
export function createSqliteScope(connection: SqliteConnection, beforeChange: () => void): SqliteScope {
  const channels = new Set<string>()
  let failure: { readonly cause: unknown } | undefined
  let ended = false

  const attempt = <T>(sql: string, run: (statement: Statement) => T): T => {
    if (ended) throw new Error('this transaction is over: its function may await nothing but its tx')
    if (failure !== undefined) {
      throw new Error('a statement of this transaction failed before', { cause: failure.cause })
    }
    try {
      const statement = statementOf(sql)
      if (!statement.readsOnly) beforeChange()
      return run(statement)
    } catch (error) {
      failure = { cause: error }
      throw error
    }
  }

  // The rows' types are what the caller says of its own SQL: this port is where the two meet.
  const tx: MigrationTx = {
    all: async <Row>(sql: string, params: readonly SqlValue[] = []) =>
      attempt(sql, statement => connection.all(statement, params) as Row[]),
    get: async <Row>(sql: string, params: readonly SqlValue[] = []) =>
      attempt(sql, statement => connection.get(statement, params) as Row | undefined),
    run: async (sql, params = []) => attempt(sql, statement => connection.run(statement, params)),
    exec: async sql => attempt(sql, () => connection.exec(sql)),
    notify: channel => void channels.add(channel),
  }
  return {
    tx,
    channels,
    failure: () => failure?.cause,
    end: () => {
      ended = true
    },
  }
}

/**
 * Runs functions over scopes, each to its end, in the microtasks of one turn of the event loop: as they await nothing
 * but their `tx`, whose promises are settled already. When the next turn finds one unsettled, it awaits something else:
 * it ends with an error.
 */
export interface TurnWatch {
  run(scope: SqliteScope, fn: () => Promise<unknown>): Promise<Outcome>
}

export function createTurnWatch(): TurnWatch {
  let overdue: (() => void) | undefined
  let armed = false

  const arm = () => {
    if (armed) return
    armed = true
    setImmediate(() => {
      armed = false
      overdue?.()
    })
  }

  return {
    run: (scope, fn) =>
      new Promise<Outcome>(resolve => {
        let settled = false
        const settle = (outcome: Outcome) => {
          if (settled) return
          settled = true
          overdue = undefined
          scope.end()
          const failure = scope.failure()
          resolve(outcome.ok && failure !== undefined ? { ok: false, error: failure } : outcome)
        }
        overdue = () =>
          settle({ ok: false, error: new Error('a transaction awaited something other than its tx') })
        arm()
        void outcomeOf(fn).then(settle)
      }),
  }
}
