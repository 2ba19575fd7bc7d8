import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue, StatementSync } from 'node:sqlite'
import { Corruption } from '../errors.ts'
import type { SqlValue } from './database.ts'
import { checkParams, statementOf } from './dialect.ts'

/** One connection to a SQLite file: statements by text, prepared once, everything synchronous. */
export interface SqliteConnection {
  all(sql: string, params: readonly SqlValue[]): unknown[]
  get(sql: string, params: readonly SqlValue[]): unknown
  run(sql: string, params: readonly SqlValue[]): { readonly changes: number }
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

/** Prepared statements a connection keeps; the one that was not used for the longest time goes first. */
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
  const prepared = new Map<string, StatementSync>()

  const prepare = (sql: string, params: readonly SqlValue[]): StatementSync => {
    const { sqliteText, paramCount } = statementOf(sql)
    checkParams(sql, paramCount, params)
    let statement = prepared.get(sql)
    if (statement === undefined) {
      statement = database.prepare(sqliteText)
      const oldest = prepared.size >= preparedMax ? prepared.keys().next().value : undefined
      if (oldest !== undefined) prepared.delete(oldest)
    } else {
      prepared.delete(sql)
    }
    prepared.set(sql, statement)
    return statement
  }

  return {
    all: (sql, params) => told(() => prepare(sql, params).all(...params.map(bound))),
    get: (sql, params) => told(() => prepare(sql, params).get(...params.map(bound))),
    run: (sql, params) =>
      told(() => ({ changes: Number(prepare(sql, params).run(...params.map(bound)).changes) })),
    exec: sql => told(() => database.exec(sql)),
    isTransaction: () => database.isTransaction,
    close: () => database.close(),
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
function bound(value: SqlValue): SQLInputValue {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
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
