/** A store in a file, by Node's own SQLite. */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Backing } from '../store/backing.ts'
import { type SqlDatabase, type SqlParam, type SqlTx, schemaOf, sqlBacking } from '../store/sql.ts'
import { StoreError } from '../store/store-error.ts'

/** The tables' version, in SQLite's own field for it. */
const schemaVersion = 1
const prefix = 'entities_'
/** Statements that are kept. */
const statementsMax = 256

/** Opens (and makes) a file; `:memory:` for none. Every write is on disk before it is answered. Throws StoreError. */
export function sqliteBacking(file: string): Backing {
  return sqlBacking(openSqlite(file), prefix)
}

function openSqlite(file: string): SqlDatabase {
  const db = open(file)
  const statements = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = db.prepare(sql.replaceAll(/\$(\d+)/g, '?$1'))
    if (statements.size >= statementsMax) statements.clear()
    statements.set(sql, statement)
    return statement
  }
  const tx: SqlTx = {
    all: async <Row>(sql: string, params: readonly SqlParam[] = []) => prepare(sql).all(...params) as Row[],
    get: async <Row>(sql: string, params: readonly SqlParam[] = []) =>
      prepare(sql).get(...params) as Row | undefined,
    run: async (sql, params = []) => prepare(sql).run(...params),
  }
  let last: Promise<unknown> = Promise.resolve()
  /** One after another: everything goes over one connection. */
  const queue = <T>(begin: string, fn: (of: SqlTx) => Promise<T>): Promise<T> => {
    const run = last.then(async () => {
      db.exec(begin)
      try {
        const value = await fn(tx)
        db.exec('COMMIT')
        return value
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK')
        throw translated(error)
      }
    })
    last = run.catch(() => undefined)
    return run
  }
  return {
    read: fn => queue('BEGIN', fn),
    write: fn => queue('BEGIN IMMEDIATE', fn),
    listen: () => () => undefined,
    close: async () => {
      await last
      db.close()
    },
  }
}

function open(file: string): DatabaseSync {
  let db: DatabaseSync
  try {
    db = new DatabaseSync(file, { timeout: 5000 })
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000')
  } catch (cause) {
    throw new StoreError('unavailable', `cannot open ${file}`, cause)
  }
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version > schemaVersion) {
    db.close()
    throw new StoreError('unavailable', `${file} was made by a newer version (${version})`)
  }
  if (version === 0) {
    const tables = schemaOf(prefix).replaceAll('BYTEA', 'BLOB').replaceAll('BIGINT', 'INTEGER')
    db.exec(`BEGIN; ${tables}; PRAGMA user_version = ${schemaVersion}; COMMIT`)
  }
  return db
}

function translated(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'errcode' in error ? error.errcode : undefined
  if (code === undefined) return error
  return new StoreError('unavailable', error instanceof Error ? error.message : 'the database failed', error)
}
