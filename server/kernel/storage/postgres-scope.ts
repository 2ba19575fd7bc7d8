import type { ReadTx, SqlValue } from './database.ts'
import type { MigrationTx } from './migrate.ts'
import { type PostgresClient, postgresQuery } from './postgres-client.ts'
import { type Outcome, outcomeOf } from './outcome.ts'

/** The time and the rights of one function over a connection, and what became of it. */
export interface PostgresScope {
  readonly tx: MigrationTx
  readonly channels: ReadonlySet<string>
  /** The first statement that failed; nothing may be run after it. */
  failure(): unknown
}

/**
 * Runs `fn` with a `tx` over `client`, to its end. `before` is called before the first statement, and may send its own.
 * When no statement is under way and `fn` has still not settled in the next turn of the event loop, it awaits something
 * other than its `tx`, and ends with an error.
 */
export async function runScope(
  client: PostgresClient,
  before: () => void,
  fn: (tx: MigrationTx) => Promise<unknown>,
): Promise<{ readonly outcome: Outcome; readonly scope: PostgresScope }> {
  const channels = new Set<string>()
  let failure: { readonly cause: unknown } | undefined
  let underWay = 0
  let asked = false
  let ended = false
  let overdue: (() => void) | undefined

  const lookLater = () =>
    setImmediate(() => {
      if (underWay === 0 && !ended) overdue?.()
    })

  const attempt = async <T>(statement: () => Promise<T>): Promise<T> => {
    if (ended) throw new Error('this transaction is over: its function may await nothing but its tx')
    if (failure !== undefined) {
      throw new Error('a statement of this transaction failed before', { cause: failure.cause })
    }
    if (!asked) before()
    asked = true
    underWay += 1
    try {
      return await statement()
    } catch (error) {
      failure ??= { cause: error }
      throw error
    } finally {
      underWay -= 1
      if (underWay === 0) lookLater()
    }
  }

  const tx = createTx(client, attempt, channels)
  const outcome = await new Promise<Outcome>(resolve => {
    overdue = () =>
      resolve({ ok: false, error: new Error('a transaction awaited something other than its tx') })
    lookLater()
    void outcomeOf(() => fn(tx)).then(resolve)
  })
  ended = true
  const failed = failure as { readonly cause: unknown } | undefined
  return {
    outcome: outcome.ok ? settledWell(outcome, failed, underWay) : outcome,
    scope: { tx, channels, failure: () => failed?.cause },
  }
}

function settledWell(
  outcome: Outcome,
  failed: { readonly cause: unknown } | undefined,
  underWay: number,
): Outcome {
  if (failed !== undefined) return { ok: false, error: failed.cause }
  if (underWay > 0)
    return { ok: false, error: new Error('a transaction did not await all of its statements') }
  return outcome
}

// The rows' types are what the caller says of its own SQL: this port is where the two meet.
function createTx(
  client: PostgresClient,
  attempt: <T>(statement: () => Promise<T>) => Promise<T>,
  channels: Set<string>,
): MigrationTx & ReadTx {
  return {
    all: <Row>(sql: string, params: readonly SqlValue[] = []) =>
      attempt(async () => (await postgresQuery(client, sql, params)).rows as Row[]),
    get: <Row>(sql: string, params: readonly SqlValue[] = []) =>
      attempt(async () => (await postgresQuery(client, sql, params)).rows[0] as Row | undefined),
    run: (sql, params = []) =>
      attempt(async () => ({ changes: (await postgresQuery(client, sql, params)).rowCount ?? 0 })),
    exec: sql => attempt(async () => void (await client.query(sql))),
    notify: channel => void channels.add(channel),
  }
}
