import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, describe, it } from 'node:test'
import { createManualClock, systemClock } from '../clock.ts'
import { Corruption, Refusal } from '../errors.ts'
import type { Database } from './database.ts'
import { statementOf } from './dialect.ts'
import { type SqliteOptions, openSqlite } from './sqlite.ts'
import { openSqliteConnection } from './sqlite-connection.ts'
import { storageSuite } from './suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-sqlite-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const freshPath = () => join(folder, String((files += 1)), 'leaf.db')

let opened: Database[] = []
afterEach(async () => {
  await Promise.all(opened.map(database => database.close()))
  opened = []
})
const open = async (options: Omit<SqliteOptions, 'clock'> & Partial<SqliteOptions>): Promise<Database> => {
  const database = await openSqlite({ clock: systemClock, ...options })
  opened.push(database)
  return database
}

storageSuite('SQLite', {
  fresh: async () => {
    const path = freshPath()
    return () => open({ path })
  },
})

const kibibyte = new Uint8Array(1024)
const insertItem = (key: string) => (database: Database) =>
  database.write(tx => tx.run('INSERT INTO items (k, b) VALUES ($1, $2)', [key, kibibyte]))
const countItems = async (database: Database) =>
  (await database.read(tx => tx.get<{ c: number }>('SELECT COUNT(*) AS c FROM items')))?.c
const createItems = (database: Database) =>
  database.migrate('test', [
    { version: 1, name: 'items', sql: 'CREATE TABLE items (k TEXT NOT NULL PRIMARY KEY, b BYTEA)' },
  ])
const isReadOnly = (error: unknown) =>
  error instanceof Refusal && error.code === 'unavailable' && error.wireName === 'ReadOnly'

describe('SQLite: durability', () => {
  it('the connection that writes syncs at every commit', async () => {
    const database = await open({ path: freshPath() })
    const pragma = await database.write(tx => tx.get<{ synchronous: number }>('PRAGMA synchronous'))
    assert.equal(pragma?.synchronous, 2)
    const mode = await database.write(tx => tx.get<{ journal_mode: string }>('PRAGMA journal_mode'))
    assert.equal(mode?.journal_mode, 'wal')
  })

  it('a file that is no database, or is damaged, is a corruption', async () => {
    const path = freshPath()
    const first = await openSqlite({ path, clock: systemClock })
    await createItems(first)
    await insertItem('a')(first)
    await first.close()
    const file = openSync(path, 'r+')
    writeSync(file, Buffer.alloc(4096, 0x5a), 0, 4096, 0)
    closeSync(file)
    await assert.rejects(open({ path }), error => error instanceof Corruption)
  })
})

describe('SQLite: a full disk', () => {
  it('takes every write of the group with it, keeps what was answered, and reads go on', async () => {
    const clock = createManualClock()
    const path = freshPath()
    const database = await open({ path, clock, fileBytesMax: 400 * 1024, freeBytes: () => 2 ** 40 })
    await createItems(database)
    await Promise.all(Array.from({ length: 100 }, (_, index) => insertItem(`a${index}`)(database)))
    const results = await Promise.allSettled(
      Array.from({ length: 256 }, (_, index) => insertItem(`b${index}`)(database)),
    )
    for (const result of results) {
      assert.equal(result.status, 'rejected')
      assert.ok(isReadOnly(result.reason), String(result.reason))
    }
    assert.equal(await countItems(database), 100)
    assert.match(database.readOnly() ?? '', /the disk is full/)
    await assert.rejects(insertItem('c')(database), isReadOnly)
  })

  it('is over by itself once a probe can write again', async () => {
    const clock = createManualClock()
    const path = freshPath()
    const database = await open({ path, clock, fileBytesMax: 400 * 1024, freeBytes: () => 2 ** 40 })
    await createItems(database)
    await Promise.all(Array.from({ length: 100 }, (_, index) => insertItem(`a${index}`)(database)))
    await assert.rejects(async () => {
      for (let n = 0; n < 1000; n += 1) await insertItem(`b${n}`)(database)
    }, isReadOnly)
    clock.advance(5000)
    assert.notEqual(database.readOnly(), undefined, 'nothing was freed yet')
    const operator = new DatabaseSync(path)
    operator.exec('DELETE FROM items')
    operator.close()
    clock.advance(5000)
    assert.equal(database.readOnly(), undefined)
    await insertItem('c')(database)
    assert.equal(await countItems(database), 1)
  })

  it('is seen before it is there: writes are refused below the mark, and not until a quarter above it again', async () => {
    const clock = createManualClock()
    let freeBytes = 1000
    const database = await open({ path: freshPath(), clock, freeBytes: () => freeBytes, freeBytesMin: 1000 })
    await createItems(database)
    freeBytes = 999
    clock.advance(5000)
    await assert.rejects(insertItem('a')(database), isReadOnly)
    freeBytes = 1100
    clock.advance(5000)
    await assert.rejects(insertItem('a')(database), isReadOnly)
    freeBytes = 1250
    clock.advance(5000)
    await insertItem('a')(database)
  })
})

describe('SQLite: the event loop', () => {
  it('turns between groups, however many writes wait', async () => {
    const database = await open({ path: freshPath(), clock: createManualClock() })
    await createItems(database)
    let turns = 0
    let writing = true
    const turn = () => {
      turns += 1
      if (writing) setImmediate(turn)
    }
    setImmediate(turn)
    await Promise.all(Array.from({ length: 256 * 10 }, (_, index) => insertItem(`k${index}`)(database)))
    writing = false
    assert.ok(turns >= 10, `${turns} turns for 10 groups`)
  })

  it('more writes than may wait are refused, and the others are made', async () => {
    const database = await open({ path: freshPath() })
    await createItems(database)
    const results = await Promise.allSettled(
      Array.from({ length: 10_001 }, () => database.write(async () => undefined)),
    )
    const refused = results.filter(result => result.status === 'rejected')
    assert.equal(refused.length, 1)
    assert.match(String(refused[0]?.reason), /too many writes are waiting/)
  })
})

describe('SQLite: statements', () => {
  it('more texts than are kept prepared all work', () => {
    const connection = openSqliteConnection({
      path: freshPath().replace('/leaf.db', '.db'),
      cacheBytes: 1024 * 1024,
      synchronous: 'FULL',
      readsOnly: false,
    })
    for (let round = 0; round < 2; round += 1) {
      for (let n = 0; n < 1200; n += 1) {
        assert.deepEqual(
          { ...(connection.get(statementOf(`SELECT ${n} + $1 AS sum`), [1]) as object) },
          { sum: n + 1 },
        )
      }
    }
    connection.close()
  })
})
