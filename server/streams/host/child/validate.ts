/** Compiles everything that a module contains, in memory, before anything of it is kept. */
import { openConnection, type Connection } from './connection.ts'
import { type ModuleDefinition, readDefinition, type ScriptName } from './definition.ts'
import { messageOf, ModuleError } from './errors.ts'
import type { Role } from './policy.ts'
import { prepareQuery } from './query.ts'
import { prepareStatement, runnerOf } from './script.ts'
import type { SqlStatement } from './splitter.ts'

const roleOf: Readonly<Record<ScriptName, Role>> = {
  initSql: 'init',
  stateInitSql: 'stateInit',
  authorizer: 'authorizer',
  materializer: 'materializer',
  stateMaterializer: 'stateMaterializer',
}

/** Functions that give something else at a replay. */
const unsteady = new Set(['random', 'randomblob', 'changes', 'total_changes', 'last_insert_rowid'])
const clockWords =
  /\bcurrent_(?:date|time|timestamp)\b|'now'|\b(?:date|time|datetime|julianday|unixepoch)\s*\(\s*\)/i
const memoryBytesMax = 64 * 1024 * 1024

/** Warnings. Throws ModuleError with what is wrong and where. */
export function validateModule(bytes: Uint8Array): readonly string[] {
  const definition = read(bytes)
  const warnings = new Set<string>()
  const stateTables = new Set<string>()
  const connection = openConnection({
    files: { main: ':memory:', events: ':memory:', state: ':memory:' },
    readsOnly: [],
    fileBytesMax: memoryBytesMax,
    notes: {
      writesState: (role, table) => {
        if (role === 'materializer') stateTables.add(table)
      },
      calls: (role, name) => {
        if (replays(role) && unsteady.has(name.toLowerCase()))
          warnings.add(`${role}: ${name}() gives another value when the log is replayed`)
      },
    },
  })
  try {
    compile(connection, definition, warnings)
    connection.role = 'server'
    for (const table of stateTables) {
      if (!hasPrimaryKey(connection, table))
        warnings.add(
          `materializer: it writes state.${table}, which has no primary key: such a change can be lost when the server is killed`,
        )
    }
    return [...warnings]
  } finally {
    connection.database.close()
  }
}

function read(bytes: Uint8Array): ModuleDefinition {
  try {
    return readDefinition(bytes)
  } catch (error) {
    throw new ModuleError(messageOf(error), { cause: error })
  }
}

const replays = (role: Role) => role === 'materializer' || role === 'stateMaterializer'

function compile(
  connection: Connection,
  { scripts, queries }: ModuleDefinition,
  warnings: Set<string>,
): void {
  const { database } = connection
  connection.role = 'server'
  database.exec(`create table events.events(
    idx integer primary key, user text not null, payload blob not null, signature blob not null);
    create temp table event(idx, user, payload); insert into temp.event values(null, null, null)`)
  for (const name of [
    'initSql',
    'stateInitSql',
    'authorizer',
    'materializer',
    'stateMaterializer',
  ] as const) {
    connection.role = roleOf[name]
    for (const [index, statement] of scripts[name].entries()) {
      locate(`${name}, statement ${index + 1} (line ${statement.line})`, () =>
        compileOne(connection, name, statement),
      )
      if (replays(roleOf[name]) && clockWords.test(statement.sql))
        warnings.add(
          `${name}: line ${statement.line} asks for the time, which is another one when the log is replayed`,
        )
    }
  }
  connection.role = 'query'
  for (const query of queries.values()) {
    if (query.statements.length === 0)
      throw new ModuleError(`query "${query.name}": expected at least one statement, got none`)
    for (const [index, statement] of query.statements.entries()) {
      const where = `query "${query.name}", statement ${index + 1} (line ${statement.line})`
      locate(where, () => void prepareQuery(connection, { ...query, statements: [statement] }))
    }
  }
}

/** What makes tables is run, as what follows needs them. */
const defines = new Set(['create', 'drop', 'alter', 'reindex'])

function compileOne(connection: Connection, name: ScriptName, statement: SqlStatement): void {
  const prepared = prepareStatement(connection, statement)
  const isInit = name === 'initSql' || name === 'stateInitSql'
  if (isInit || defines.has(statement.verb)) runnerOf(prepared, statement)()
}

function locate(where: string, fn: () => void): void {
  try {
    fn()
  } catch (error) {
    throw new ModuleError(`${where}: ${messageOf(error)}`, { cause: error })
  }
}

function hasPrimaryKey({ database }: Connection, table: string): boolean {
  return (
    database.prepare('select 1 from pragma_table_info(?, ?) where pk > 0').get(table, 'state') !== undefined
  )
}
