/** A connection that strangers' SQL runs on: three schemas, one policy, bounded in what it may make. */
import { DatabaseSync } from 'node:sqlite'
import { addFunctions } from './functions.ts'
import { type Acting, createPolicy, type PolicyNotes, type Role } from './policy.ts'

export interface Connection extends Acting {
  readonly database: DatabaseSync
}

export interface ConnectionFiles {
  readonly main: string
  readonly events: string
  readonly state: string
}

export interface ConnectionOptions {
  readonly files: ConnectionFiles
  /** Schemas that are only read. */
  readonly readsOnly: readonly ('main' | 'events' | 'state')[]
  /** Of one file; what goes beyond fails as on a full disk. */
  readonly fileBytesMax: number
  readonly notes: PolicyNotes
}

/** The longest text or blob, in bytes: answers are shorter, payloads too. */
const valueBytesMax = 32 * 1024 * 1024
/** How long a statement waits for a lock of another host on the same stream. */
const busyMs = 1000
const cacheKibibytes = 1024
const pageBytes = 4096

/** Opens the files. They are there already, except in memory. */
export function openConnection({ files, readsOnly, fileBytesMax, notes }: ConnectionOptions): Connection {
  const inMemory = files.main === ':memory:'
  const database = new DatabaseSync(files.main, {
    timeout: busyMs,
    enableForeignKeyConstraints: true,
    readOnly: readsOnly.includes('main'),
    limits: {
      length: valueBytesMax,
      sqlLength: 10 * 1024 * 1024,
      likePatternLength: 10_000,
      compoundSelect: 500,
      triggerDepth: 100,
    },
  })
  const attach = database.prepare('attach $path as $schema')
  for (const schema of ['events', 'state'] as const) {
    const path = inMemory ? ':memory:' : uriOf(files[schema], readsOnly.includes(schema))
    attach.run({ $path: path, $schema: schema })
  }
  database.exec('pragma temp_store = memory; pragma mmap_size = 0; pragma trusted_schema = on')
  for (const schema of ['main', 'events', 'state'] as const) {
    // The mirror of the log is never flushed: what a crash of the machine takes is in the house database.
    const flush = schema === 'events' ? 'off' : 'normal'
    database.exec(`pragma ${schema}.synchronous = ${flush}; pragma ${schema}.cache_size = ${-cacheKibibytes}`)
    if (!readsOnly.includes(schema))
      database.exec(`pragma ${schema}.max_page_count = ${Math.max(1, Math.floor(fileBytesMax / pageBytes))}`)
  }
  database.limits.attach = 0
  addFunctions(database)
  const connection: Connection = { database, role: 'server', isWatched: false }
  database.setAuthorizer(createPolicy(connection, notes))
  return connection
}

function uriOf(path: string, readsOnly: boolean): string {
  const escaped = path.replaceAll('%', '%25').replaceAll('?', '%3f').replaceAll('#', '%23')
  return `file:${escaped}?mode=${readsOnly ? 'ro' : 'rw'}`
}

/** Runs `fn` as a role, and is nobody afterwards. */
export function as<T>(connection: Connection, role: Role, fn: () => T): T {
  connection.role = role
  try {
    return fn()
  } finally {
    connection.role = 'nobody'
  }
}
