/** One stream's database in memory, with the functions and the rights that modules have on a server. */
import { Buffer } from 'node:buffer'
import { constants, DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite'
import { decodeDrisl, type DrislValue } from '@leaf/codec/drisl'
import { follow, parsePath, type Segment } from '../path.ts'
import type { SqlParam } from '../sql-value.ts'
import { joinArguments, toSql } from '../sql-text.ts'

/** Whose statements are being prepared: the harness's own, those that change tables, those that only read. */
export type Role = 'server' | 'writer' | 'reader'

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
    role === 'server' || isAllowed(role, { action, first, second, schema })
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

function isAllowed(role: Role, { action, first, second, schema }: Action): boolean {
  if (reading.has(action)) return true
  if (role === 'reader' || forbidden.has(action) || schema === 'events') return false
  if (action === constants.SQLITE_CREATE_VTABLE || action === constants.SQLITE_DROP_VTABLE)
    return virtualTables.includes((second ?? '').toLowerCase())
  return !(schema === 'temp' && first === 'event')
}

function addFunctions(sql: DatabaseSync): void {
  const readPayload = createPayloadReader()
  const read = (bytes: unknown, path: unknown): DrislValue | undefined => {
    if (!(bytes instanceof Uint8Array)) throw new Error('First argument to drisl_extract must be blob')
    if (typeof path !== 'string') throw new Error('Second argument to drisl_extract must be sring')
    return follow(readPayload(bytes), pathOf(path))
  }
  const pure = { deterministic: true, useBigIntArguments: true }
  sql.function('drisl_extract', pure, (bytes, path) => toOutput(toSql(read(bytes, path))))
  sql.function('drisl_exists', pure, (bytes, path) => (read(bytes, path) === undefined ? 0n : 1n))
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
