/** One stream's database in memory, with the functions and the rights that modules have on a server. */
import { Buffer } from 'node:buffer'
import { constants, DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite'
import { decodeDrisl, type DrislValue } from '@leaf/codec/drisl'
import { follow, parsePath, type Segment } from '../path.ts'
import type { SqlParam } from '../sql-value.ts'
import { joinArguments, toSql } from '../sql-text.ts'

/** As what statements run: the harness's own, or one of a module's parts. */
export type Role = 'server' | keyof typeof rightsOf

/** In which schemas a part may change rows, and make or drop tables. */
const rightsOf = {
  init: { writes: ['main', 'temp', 'state'], defines: ['main', 'temp'] },
  stateInit: { writes: ['state', 'temp'], defines: ['state', 'temp'] },
  authorizer: { writes: [], defines: [] },
  materializer: { writes: ['main', 'temp', 'state'], defines: ['main', 'temp'] },
  stateMaterializer: { writes: ['state', 'temp'], defines: ['state', 'temp'] },
  query: { writes: [], defines: [] },
} as const satisfies Readonly<Record<string, Rights>>

interface Rights {
  readonly writes: readonly string[]
  readonly defines: readonly string[]
}

export interface ModuleDatabase {
  readonly sql: DatabaseSync
  /** Runs `work` with the rights of a role: what it prepares keeps them. */
  as<T>(role: Role, work: () => T): T
  close(): void
}

/** Virtual tables that a module may make. */
const virtualTables: readonly string[] = ['fts5', 'rtree']

export function openModuleDatabase(): ModuleDatabase {
  const sql = new DatabaseSync(':memory:')
  sql.exec(`
    attach ':memory:' as events;
    attach ':memory:' as state;
    create table events.events (idx integer primary key, user text not null, payload blob not null, signature blob not null);
    create temp table event (idx, user, payload);
  `)
  addFunctions(sql)
  let role: Role = 'server'
  sql.setAuthorizer((action, first, second, schema) =>
    role === 'server' || isAllowed(rightsOf[role], { action, first, second, schema })
      ? constants.SQLITE_OK
      : constants.SQLITE_DENY,
  )
  return {
    sql,
    as: (next, work) => {
      const before = role
      role = next
      try {
        return work()
      } finally {
        role = before
      }
    },
    close: () => sql.close(),
  }
}

interface Action {
  readonly action: number
  readonly first: string | null
  readonly second: string | null
  readonly schema: string | null
}

const reading: ReadonlySet<number> = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_RECURSIVE,
])
const forbidden: ReadonlySet<number> = new Set([
  constants.SQLITE_ATTACH,
  constants.SQLITE_DETACH,
  constants.SQLITE_PRAGMA,
  constants.SQLITE_TRANSACTION,
  constants.SQLITE_SAVEPOINT,
  constants.SQLITE_ANALYZE,
])

const changing: ReadonlySet<number> = new Set([
  constants.SQLITE_INSERT,
  constants.SQLITE_UPDATE,
  constants.SQLITE_DELETE,
])

function isAllowed({ writes, defines }: Rights, { action, first, second, schema }: Action): boolean {
  if (reading.has(action)) return true
  if (forbidden.has(action)) return false
  // Of ALTER TABLE the schema comes first.
  if (action === constants.SQLITE_ALTER_TABLE) return defines.includes(first ?? '')
  if (schema === 'temp' && (first === 'event' || second === 'event')) return false
  if (changing.has(action) && !/^sqlite_/i.test(first ?? '')) return writes.includes(schema ?? '')
  if (action === constants.SQLITE_CREATE_VTABLE || action === constants.SQLITE_DROP_VTABLE)
    return defines.includes(schema ?? '') && virtualTables.includes((second ?? '').toLowerCase())
  return defines.includes(schema ?? '')
}

function addFunctions(sql: DatabaseSync): void {
  const readPayload = createPayloadReader()
  const read = (name: string, bytes: unknown, path: unknown): DrislValue | undefined => {
    if (!(bytes instanceof Uint8Array)) throw new Error(`First argument to ${name} must be blob`)
    // Upstream's spelling.
    if (typeof path !== 'string') throw new Error(`Second argument to ${name} must be sring`)
    return follow(readPayload(bytes), pathOf(path))
  }
  const pure = { deterministic: true, useBigIntArguments: true }
  sql.function('drisl_extract', pure, (bytes, path) => toOutput(toSql(read('drisl_extract', bytes, path))))
  sql.function('drisl_exists', pure, (bytes, path) =>
    read('drisl_exists', bytes, path) === undefined ? 0n : 1n,
  )
  const raising = { ...pure, varargs: true, directOnly: true }
  for (const [name, label] of [
    ['unauthorized', 'Unauthorized'],
    ['throw', 'Exception thrown'],
  ] as const) {
    sql.function(name, raising, (...values) => {
      throw new Error(`${label}: ${joinArguments(values.map(fromSqlite))}`)
    })
  }
}

/** Decodes a payload once, however many functions look into it one after another. */
function createPayloadReader(): (bytes: Uint8Array) => DrislValue {
  let last: { readonly bytes: Uint8Array; readonly value: DrislValue } | undefined
  return bytes => {
    if (last === undefined || Buffer.compare(last.bytes, bytes) !== 0) {
      const copy = bytes.slice()
      last = { bytes: copy, value: decodeDrisl(copy) }
    }
    return last.value
  }
}

const pathsMax = 1000
const paths = new Map<string, readonly Segment[]>()

function pathOf(text: string): readonly Segment[] {
  let path = paths.get(text)
  if (path === undefined) {
    path = parsePath(text)
    if (paths.size >= pathsMax) paths.clear()
    paths.set(text, path)
  }
  return path
}

/** What a function gives back to SQLite; a number would become REAL, so integers are `bigint`. */
function toOutput(value: SqlParam): SQLOutputValue {
  if (value.kind === 'null') return null
  return value.kind === 'blob' ? value.value.slice() : value.value
}

/** A parameter for SQLite. */
export function toInput(value: SqlParam): SQLInputValue {
  return value.kind === 'null' ? null : value.value
}

/** A value that SQLite gave, with integers as `bigint`. */
export function fromSqlite(value: SQLOutputValue): SqlParam {
  if (value === null) return { kind: 'null' }
  if (typeof value === 'bigint') return { kind: 'integer', value }
  if (typeof value === 'number') return { kind: 'real', value }
  if (typeof value === 'string') return { kind: 'text', value }
  return { kind: 'blob', value: new Uint8Array(value) }
}
