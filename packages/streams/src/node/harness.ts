/**
 * A module in memory, for its author's tests: the same functions, rights, order of steps and texts of errors as on a
 * server, without one. What it has not: deadlines, limits, and signatures.
 */
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { BasicModule, ModuleParam, ModuleQuery } from '../module.ts'
import { plainRow, type PlainRow, type QueryInput, toSqlParam } from '../query.ts'
import { splitSql } from '../split-sql.ts'
import type { SqlParam, SqlRow } from '../sql-value.ts'
import { queryLimitDefault } from '../wire-requests.ts'
import {
  fromSqlite,
  type ModuleDatabase,
  openModuleDatabase,
  type Role,
  toInput,
} from './harness-database.ts'

/** A module refused something, or is wrong; the message is what a client would get. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError'

  constructor(message: string, options?: ErrorOptions) {
    super(`Error while running stream module: ${message}`, options)
  }
}

export interface HarnessEvent {
  readonly idx: number
  readonly user: string
  readonly payload: Uint8Array
}

export interface Harness {
  /** Appends one batch: all of it or nothing. Gives the idx of its last event. Throws ModuleError. */
  send(user: string, ...payloads: Uint8Array[]): number
  /** Runs state events: all of them or none. Throws ModuleError. */
  sendState(user: string, ...payloads: Uint8Array[]): void
  /** Asks as somebody, or as nobody. Throws ModuleError. */
  query<Row = PlainRow>(user: string | null, input: QueryInput<Row>): Row[]
  /** The log so far. */
  log(): HarnessEvent[]
  /**
   * Builds the views again from the log, in a database of its own, and names the tables that came out differently: none,
   * unless the module uses `random()`, the time, or its state.
   */
  rebuild(): string[]
  close(): void
}

/** Opens a module. Throws ModuleError when its init scripts fail; other statements are compiled when they first run. */
export function createHarness(module: BasicModule): Harness {
  const database = openModuleDatabase()
  initialise(database, module)
  const authorize = scriptOf(database, module.authorizer, 'authorizer')
  const materialize = scriptOf(database, module.materializer, 'materializer')
  const changeState = scriptOf(database, module.stateMaterializer, 'stateMaterializer')
  const queries = new Map(
    module.queries.map(query => [query.name, { query, run: scriptOf(database, query.sql, 'query') }]),
  )
  const steps = createSteps(database)
  const append = (user: string, payload: Uint8Array) => {
    steps.setEvent(null, user, payload)
    authorize()
    steps.setEvent(steps.appendEvent(user, payload), user, payload)
    materialize()
  }
  return {
    send: (user, ...payloads) =>
      steps.transaction(() => {
        for (const payload of payloads) append(user, payload)
        return steps.head()
      }),
    sendState: (user, ...payloads) =>
      steps.transaction(() => {
        for (const payload of payloads) {
          steps.setEvent(null, user, payload)
          changeState()
        }
      }),
    query: <Row>(user: string | null, input: QueryInput<Row>): Row[] => {
      const asked = queries.get(input.name)
      if (asked === undefined) throw new ModuleError(`Query with name \`${input.name}\` not in module.`)
      const rows = asked.run(bindingsOf(asked.query, user, input))?.map(toRow)
      if (rows === undefined) throw new ModuleError('Query did not return a result.')
      // Without a reader, `Row` is PlainRow.
      return rows.map(row => (input.read === undefined ? (plainRow(row) as Row) : input.read(row)))
    },
    log: steps.log,
    rebuild: () => {
      const again = replay(module, steps.log())
      try {
        return differences(database, again)
      } finally {
        again.close()
      }
    },
    close: () => database.close(),
  }
}

function replay(module: BasicModule, log: readonly HarnessEvent[]): ModuleDatabase {
  const database = openModuleDatabase()
  initialise(database, module)
  const materialize = scriptOf(database, module.materializer, 'materializer')
  const steps = createSteps(database)
  steps.transaction(() => {
    for (const { user, payload } of log) {
      steps.setEvent(steps.appendEvent(user, payload), user, payload)
      materialize()
    }
  })
  return database
}

interface Steps {
  setEvent(idx: number | null, user: string, payload: Uint8Array): void
  appendEvent(user: string, payload: Uint8Array): number
  head(): number
  log(): HarnessEvent[]
  transaction<T>(work: () => T): T
}

function createSteps(database: ModuleDatabase): Steps {
  const { sql } = database
  const clear = sql.prepare('delete from temp.event')
  const set = sql.prepare('insert into temp.event (idx, user, payload) values (?, ?, ?)')
  const append = sql.prepare(
    'insert into events.events (user, payload, signature) values (?, ?, zeroblob(64))',
  )
  const head = sql.prepare('select coalesce(max(idx), 0) as head from events.events')
  const all = sql.prepare('select idx, user, payload from events.events order by idx')
  return {
    setEvent: (idx, user, payload) => {
      clear.run()
      set.run(idx === null ? null : BigInt(idx), user, payload)
    },
    appendEvent: (user, payload) => Number(append.run(user, payload).lastInsertRowid),
    head: () => Number(head.get()?.['head'] ?? 0),
    log: () =>
      all.all().map(({ idx, user, payload }) => ({
        idx: Number(idx),
        user: String(user),
        payload: payload instanceof Uint8Array ? payload : new Uint8Array(),
      })),
    transaction: work => {
      sql.exec('begin')
      try {
        const result = work()
        sql.exec('commit')
        return result
      } catch (error) {
        sql.exec('rollback')
        throw error
      }
    },
  }
}

type Bindings = Record<string, SQLInputValue>
type Rows = Record<string, SQLOutputValue>[]

/** Runs its statements in turn and gives the rows of the last one; undefined when there is none. */
type Script = (bindings?: Bindings) => Rows | undefined

/**
 * Prepares at first use, one statement after another: each may need a table that one before it makes. SQLite asks for
 * rights when it prepares, and again when a table has changed, so the role lasts while a statement runs.
 */
function scriptOf(database: ModuleDatabase, sql: string, role: Role): Script {
  const texts = splitSql(sql)
  const prepared: StatementSync[] = []
  return (bindings = {}) =>
    database.as(role, () => {
      let rows: Rows | undefined
      for (const [index, text] of texts.entries()) {
        const statement = (prepared[index] ??= prepareOne(database, text))
        rows = failing(() => statement.all(bindings))
      }
      return rows
    })
}

function prepareOne(database: ModuleDatabase, text: string): StatementSync {
  const statement = failing(() => database.sql.prepare(text))
  statement.setReadBigInts(true)
  statement.setAllowUnknownNamedParameters(true)
  return statement
}

function initialise(database: ModuleDatabase, module: BasicModule): void {
  scriptOf(database, module.initSql, 'init')()
  scriptOf(database, module.stateInitSql, 'stateInit')()
}

function toRow(row: Record<string, SQLOutputValue>): SqlRow {
  return new Map(Object.entries(row).map(([name, value]) => [name, fromSqlite(value)]))
}

/** Names that a query has by itself come last, so that nobody chooses who asks. */
function bindingsOf(query: ModuleQuery, user: string | null, input: QueryInput<unknown>): Bindings {
  const bindings: Bindings = {}
  for (const param of query.params) bindings[param.name] = null
  for (const [name, given] of Object.entries(input.params ?? {})) {
    if (given === undefined) continue
    const param = query.params.find(one => one.name === name)
    if (param === undefined)
      throw new ModuleError(`The \`${name}\` parameter does not exist in the \`${query.name}\` query.`)
    const value = toSqlParam(given, name)
    if (!fits(param, value))
      throw new ModuleError(
        `The \`${name}\` parameter for the \`${query.name}\` query fails validation. Got value \`${value.kind}\` which needs to match param definition: ${JSON.stringify(param)}.`,
      )
    bindings[name] = toInput(value)
  }
  bindings['start'] = BigInt(input.start ?? 1)
  bindings['limit'] = BigInt(input.limit ?? queryLimitDefault)
  bindings['requesting_user'] = user
  return bindings
}

function fits(param: ModuleParam, value: SqlParam): boolean {
  if (value.kind === 'null') return param.optional
  return param.kind === 'any' || param.kind === value.kind
}

/** SQLite's and the functions' errors, as clients get them. */
function failing<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new ModuleError(`SQLite failure: \`${message}\``, { cause })
  }
}

function differences(one: ModuleDatabase, other: ModuleDatabase): string[] {
  const tables = one.sql
    .prepare(
      "select name from main.sqlite_schema where type = 'table' and name not like 'sqlite_%' order by name",
    )
    .all()
  return tables
    .map(({ name }) => String(name))
    .filter(name => contentOf(one, name) !== contentOf(other, name))
}

function contentOf(database: ModuleDatabase, table: string): string {
  const statement = database.sql.prepare(`select * from main."${table.replaceAll('"', '""')}"`)
  statement.setReadBigInts(true)
  const rows = statement
    .all()
    .map(row =>
      JSON.stringify(Object.entries(row).map(([name, value]) => [name, typeof value, String(value)])),
    )
  return rows.sort().join('\n')
}
