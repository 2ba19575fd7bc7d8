import { mkdirSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../clock.ts'
import { Refusal } from '../errors.ts'
import type { Logger } from '../log.ts'
import { createChannels } from './channels.ts'
import type { Database } from './database.ts'
import { migrationText } from './dialect.ts'
import { createDiskGuard } from './disk-guard.ts'
import { runMigrations } from './migrate.ts'
import { type SqliteConnection, openSqliteConnection } from './sqlite-connection.ts'
import { createSqliteReader } from './sqlite-reader.ts'
import { createSqliteGroup } from './sqlite-writer.ts'
import { createWriteQueue } from './write-queue.ts'

export interface SqliteOptions {
  /** The database file. It and its folder are made when they are not there. */
  readonly path: string
  readonly clock: Clock
  readonly log?: Logger
  /** Page cache of each of the two connections, in bytes. */
  readonly cacheBytes?: number
  /** 'OFF' loses answered writes when the machine stops: only there to show that a test would notice. */
  readonly synchronous?: 'FULL' | 'OFF'
  /** Free space below which writes are refused, in bytes. */
  readonly freeBytesMin?: number
  /** How the free space is found out, in bytes. */
  readonly freeBytes?: () => number
  /** Size of the database file past which it is as on a full disk. */
  readonly fileBytesMax?: number
}

const cacheBytesDefault = 16 * 1024 * 1024
const freeBytesMinDefault = 64 * 1024 * 1024

/** Opens the embedded database: one file in WAL mode, fsynced before any write is answered. See `database.ts`. */
export async function openSqlite(options: SqliteOptions): Promise<Database> {
  const { path, clock, log } = options
  mkdirSync(dirname(path), { recursive: true })
  const writing = connect(options, { readsOnly: false })
  const reading = connect(options, { readsOnly: true })
  const guard = createDiskGuard({
    clock,
    log,
    freeBytes: options.freeBytes ?? (() => freeBytesAt(path)),
    freeBytesMin: options.freeBytesMin ?? freeBytesMinDefault,
    probe: () => probe(writing),
  })
  const channels = createChannels(log)
  const writer = createWriteQueue(
    createSqliteGroup({ connection: writing, clock, guard, wake: channels.wake }),
  )
  const reader = createSqliteReader(reading)
  let closing: Promise<void> | undefined

  const checkOpen = () => {
    if (closing !== undefined) throw new Refusal('unavailable', 'the server is shutting down')
  }
  const closeAll = async () => {
    await Promise.all([writer.idle(), reader.idle()])
    guard.close()
    channels.clear()
    reading.close()
    // Leaves one whole file behind. Not possible beside a backup that reads: then the log stays, and is read at the next start.
    writing.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    writing.close()
  }

  return {
    engine: 'sqlite',
    read: async fn => {
      checkOpen()
      return reader.read(fn)
    },
    direct: {
      all: async (sql, params) => {
        checkOpen()
        return reader.direct.all(sql, params)
      },
      get: async (sql, params) => {
        checkOpen()
        return reader.direct.get(sql, params)
      },
    },
    write: async fn => {
      checkOpen()
      guard.check()
      return writer.write(fn, [])
    },
    listen: channels.listen,
    migrate: (system, migrations) => {
      const translated = migrations.map(step => ({ ...step, sql: migrationText('sqlite', step.sql) }))
      return runMigrations(
        fn => writer.write(fn, []),
        () => clock.now(),
        system,
        translated,
      )
    },
    check: async () => {
      checkOpen()
      await reader.read(tx => tx.get('SELECT 1 AS one'))
    },
    readOnly: guard.reason,
    close: () => (closing ??= closeAll()),
  }
}

function connect(options: SqliteOptions, { readsOnly }: { readonly readsOnly: boolean }): SqliteConnection {
  const { path, cacheBytes = cacheBytesDefault, synchronous = 'FULL', fileBytesMax } = options
  const bound = readsOnly || fileBytesMax === undefined ? {} : { fileBytesMax }
  return openSqliteConnection({ path, cacheBytes, synchronous, readsOnly, ...bound })
}

function freeBytesAt(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path))
  return bavail * bsize
}

/** What a probe writes: enough that it needs new pages in the file. */
const probeBytes = 64 * 1024

function probe(connection: SqliteConnection): void {
  connection.exec('BEGIN IMMEDIATE')
  try {
    connection.exec(`
      CREATE TABLE IF NOT EXISTS storage_probe (filler BLOB NOT NULL);
      INSERT INTO storage_probe (filler) VALUES (zeroblob(${probeBytes}));
      COMMIT;
      DELETE FROM storage_probe;
    `)
  } finally {
    if (connection.isTransaction()) connection.exec('ROLLBACK')
  }
}
