/**
 * The algorithm of the upstream server, as it is known, over the same SQLite as Leaf: one connection a stream with three
 * files, a temporary table made anew for every step, both scripts parsed for every event, the payload decoded at every
 * call of a function. No sockets, no protocol: what it does per event, and nothing else.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { decodeDrisl, type DrislValue } from '@leaf/codec/drisl'
import type { BasicModule } from '@leaf/streams/module'
import { follow, parsePath } from '@leaf/streams/path'
import { toSql } from '@leaf/streams/sql-text'

export interface UpstreamEvent {
  readonly user: string
  readonly payload: Uint8Array
}

export interface UpstreamStream {
  /** One transaction: authorizer, log, materializer and cursor of each event in turn. */
  append(events: readonly UpstreamEvent[]): void
  /** Replays the whole log into a new module database, in one transaction; gives how many events it had. */
  rebuild(): number
  close(): void
}

export interface UpstreamOptions {
  readonly module: BasicModule
  /** `normal` is upstream's; `full` is as durable as Leaf. */
  readonly synchronous: 'normal' | 'full'
}

export function openUpstream({ module, synchronous }: UpstreamOptions): UpstreamStream {
  const folder = mkdtempSync(join(tmpdir(), 'leaf-upstream-'))
  const open = (name: string) => openFiles(folder, { name, synchronous })
  let database = open('module')
  database.exec(`
    create table if not exists events.events (idx integer primary key, user text not null, payload blob not null, signature blob not null);
    create table if not exists events.stream_state (id integer primary key, module_event_cursor integer);
    insert or ignore into events.stream_state values (1, null);
  `)
  database.exec(module.initSql)
  database.exec(module.stateInitSql)
  return {
    append: events => {
      database.exec('begin immediate')
      for (const { user, payload } of events) {
        setEvent(database, { user, payload })
        database.exec(module.authorizer)
        const { lastInsertRowid: idx } = database
          .prepare(
            'insert into events.events (user, payload, signature) select user, payload, zeroblob(64) from temp.event',
          )
          .run()
        setEvent(database, { idx, user, payload })
        database.exec(module.materializer)
        moveCursor(database, idx)
      }
      database.exec('commit')
    },
    rebuild: () => {
      database.close()
      database = open('rebuilt')
      database.exec('drop table if exists state.reads')
      database.exec(module.initSql)
      database.exec(module.stateInitSql)
      const events = database.prepare('select idx, user, payload from events.events order by idx').all()
      database.exec('begin immediate')
      for (const { idx = 0, user, payload } of events) {
        if (!(payload instanceof Uint8Array)) throw new TypeError('a payload is a blob')
        setEvent(database, { idx: BigInt(Number(idx)), user: String(user), payload })
        database.exec(module.materializer)
        moveCursor(database, BigInt(Number(idx)))
      }
      database.exec('commit')
      return events.length
    },
    close: () => {
      database.close()
      rmSync(folder, { recursive: true })
    },
  }
}

function openFiles(
  folder: string,
  { name, synchronous }: { readonly name: string; readonly synchronous: string },
): DatabaseSync {
  const database = new DatabaseSync(join(folder, `${name}.db`))
  database.exec(
    `attach '${join(folder, 'stream.db')}' as events; attach '${join(folder, 'state.db')}' as state;`,
  )
  for (const schema of ['main', 'events', 'state'])
    database.exec(`pragma ${schema}.journal_mode = wal; pragma ${schema}.synchronous = ${synchronous};`)
  database.exec('pragma temp_store = memory')
  addFunctions(database)
  return database
}

function setEvent(
  database: DatabaseSync,
  event: { readonly idx?: number | bigint; readonly user: string; readonly payload: Uint8Array },
): void {
  database.exec('drop table if exists temp.event')
  if (event.idx === undefined)
    database
      .prepare('create temp table event as select ? as user, ? as payload')
      .run(event.user, event.payload)
  else
    database
      .prepare('create temp table event as select ? as idx, ? as user, ? as payload')
      .run(BigInt(event.idx), event.user, event.payload)
}

function moveCursor(database: DatabaseSync, idx: number | bigint): void {
  database.prepare('update events.stream_state set module_event_cursor = ? where id = 1').run(BigInt(idx))
}

function addFunctions(database: DatabaseSync): void {
  const pure = { deterministic: true, useBigIntArguments: true }
  const read = (bytes: unknown, path: unknown): DrislValue | undefined => {
    if (!(bytes instanceof Uint8Array) || typeof path !== 'string')
      throw new Error('expected a blob and a path')
    return follow(decodeDrisl(bytes), parsePath(path))
  }
  database.function('drisl_extract', pure, (bytes, path): SQLOutputValue => {
    const value = toSql(read(bytes, path))
    if (value.kind === 'null') return null
    return value.kind === 'blob' ? value.value.slice() : value.value
  })
  database.function('drisl_exists', pure, (bytes, path) => (read(bytes, path) === undefined ? 0n : 1n))
  for (const name of ['unauthorized', 'throw'])
    database.function(name, { ...pure, varargs: true, directOnly: true }, (...values) => {
      throw new Error(`${name}: ${values.map(String).join(' ')}`)
    })
}
