import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue, StatementSync } from 'node:sqlite'
import { Corruption } from '../errors.ts'
import type { SqlValue } from './database.ts'
import { type Statement, checkParams } from './dialect.ts'

/** One connection to a SQLite file: statements by text, prepared once, everything synchronous. */
export interface SqliteConnection {
  all(statement: Statement, params: readonly SqlValue[]): unknown[]
  get(statement: Statement, params: readonly SqlValue[]): unknown
  run(statement: Statement, params: readonly SqlValue[]): { readonly changes: number }
  /** Several statements without parameters. */
  exec(sql: string): void
  /** Whether a transaction is open: SQLite ends one by itself when the disk is full or fails. */
  isTransaction(): boolean
  close(): void
}

export interface SqliteConnectionOptions {
  readonly path: string
  /** Page cache, in bytes. SQLite takes it as it needs it. */
  readonly cacheBytes: number
  readonly synchronous: 'FULL' | 'OFF'
  /** Refuses everything that writes. */
  readonly readsOnly: boolean
  /** Size of the file past which it is as on a full disk; absent: no bound of ours. */
  readonly fileBytesMax?: number
}

/** Prepared statements a connection keeps; those that were not used for the longest time go first. */
const preparedMax = 500

/** How long a statement waits for another process that holds the file. It waits synchronously, so: short. */
const busyTimeoutMs = 2000

/** Write-ahead log after which a commit also copies pages into the database file: 4000 pages of 4 KiB. */
const checkpointPages = 4000

/** What the write-ahead log is cut back to after a checkpoint. */
const walBytesMax = 64 * 1024 * 1024

/** Opens a connection in WAL mode; creates the file when there is none and the connection may write. */
export function openSqliteConnection(options: SqliteConnectionOptions): SqliteConnection {
  const database = new DatabaseSync(options.path, {
    timeout: busyTimeoutMs,
    enableForeignKeyConstraints: true,
  })
  told(() => setPragmas(database, options))
  const prepare = createPreparer(database)

  return {
    all: (statement, params) => told(() => prepare(statement, params).all(...bound(params))),
    get: (statement, params) => told(() => prepare(statement, params).get(...bound(params))),
    run: (statement, params) =>
      told(() => ({ changes: Number(prepare(statement, params).run(...bound(params)).changes) })),
    exec: sql => told(() => database.exec(sql)),
    isTransaction: () => database.isTransaction,
    close: () => database.close(),
  }
}

/** Gives prepared statements, after their parameters were checked. */
function createPreparer(
  database: DatabaseSync,
): (statement: Statement, params: readonly SqlValue[]) => StatementSync {
  const prepared = new Map<Statement, { readonly handle: StatementSync; used: number }>()
  let uses = 0

  const dropOldest = () => {
    // Half of them at once, as looking for the oldest takes a look at all.
    const byUse = [...prepared].toSorted(([, a], [, b]) => a.used - b.used)
    for (const [statement] of byUse.slice(0, preparedMax / 2)) prepared.delete(statement)
  }

  return (statement, params) => {
    checkParams(statement, params)
    uses += 1
    const known = prepared.get(statement)
    if (known !== undefined) {
      known.used = uses
      return known.handle
    }
    const handle = database.prepare(statement.sqliteText)
    if (prepared.size >= preparedMax) dropOldest()
    prepared.set(statement, { handle, used: uses })
    return handle
  }
}

/** SQLite's primary result code of an error that came from it (13: disk full, 10: I/O error, 5: busy), else undefined. */
export function sqliteResultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}

const resultCorrupt = 11
const resultNotADatabase = 26

function told<T>(fn: () => T): T {
  try {
    return fn()
  } catch (error) {
    const code = sqliteResultCode(error)
    if (code === resultCorrupt || code === resultNotADatabase) {
      throw new Corruption('the database file is damaged: restore it from a backup', { cause: error })
    }
    throw error
  }
}

// node:sqlite binds every number as a float: CAST of 3 to TEXT would be '3.0'. As a bigint it is bound as an integer.
function bound(params: readonly SqlValue[]): SQLInputValue[] {
  const values: SQLInputValue[] = []
  for (const value of params) {
    values.push(typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value)
  }
  return values
}

function setPragmas(database: DatabaseSync, options: SqliteConnectionOptions): void {
  const { cacheBytes, synchronous, readsOnly, fileBytesMax } = options
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${synchronous};
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA mmap_size = 0;
    PRAGMA cache_size = ${-Math.ceil(cacheBytes / 1024)};
    PRAGMA wal_autocheckpoint = ${checkpointPages};
    PRAGMA journal_size_limit = ${walBytesMax};
    PRAGMA query_only = ${readsOnly ? 'ON' : 'OFF'};
  `)
  if (fileBytesMax === undefined) return
  const pageBytes = Number(database.prepare('PRAGMA page_size').get()?.['page_size'])
  database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(fileBytesMax / pageBytes))}`)
}
