import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { decodeDrisl, isArray, isMap } from '@leaf/codec/drisl'
import { verifyChain } from '@leaf/streams/chain'
import fc from 'fast-check'
import type { SqlHosts } from '../host/contract.ts'
import type { StreamsEngine } from './engine.ts'
import {
  alice,
  bob,
  bytes,
  type House,
  nobody,
  openHouse,
  queryOf,
  refusal,
  subscribe,
  until,
} from './test-house.ts'
import { createRealHosts, diaryModule } from './test-real-hosts.ts'

/** One column of an answer, as text. */
function columnOf(drisl: Uint8Array, column: string): readonly string[] {
  const rows = decodeDrisl(drisl)
  assert.ok(isArray(rows))
  return rows.map(row => {
    const cell = isMap(row) ? row[column] : undefined
    assert.ok(isMap(cell), `expected a column ${column}`)
    return String(cell['value'])
  })
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index))

describe('streams on hosts of their own', () => {
  let house: House<SqlHosts>
  let keepsAlive: NodeJS.Timeout
  before(async () => {
    house = await openHouse(createRealHosts)
    // Hosts hold nothing of this process awake; the tests have nothing else under way while they wait for them.
    keepsAlive = setInterval(() => undefined, 1000)
  })
  after(async () => {
    await house.close()
    clearInterval(keepsAlive)
  })

  const create = async (module = diaryModule()) => {
    const { cid } = await house.engine.uploadModule(alice, module)
    return (await house.engine.create({ caller: alice, moduleCid: cid, clientStamp: null })).streamDid
  }
  const send = (engine: StreamsEngine, stream: string, ...events: readonly string[]) =>
    engine.append({ stream, caller: alice, events: events.map(bytes) })
  const read = async (engine: StreamsEngine, stream: string, name: string, column = 'body') =>
    columnOf((await engine.query(nobody, stream, queryOf(name, { limit: 10_000 }))).drisl, column)
  const logText = async (engine: StreamsEngine, stream: string) =>
    (await engine.readLog(stream, 0, 100_000, 1e9)).map(event => Buffer.from(event.payload).toString())

  it('show in log, mirror and tables what was accepted, and nothing of what was refused', async () => {
    const { engine } = house
    const stream = await create()
    const outcomes = await Promise.allSettled([
      send(engine, stream, 'a', 'b'),
      send(engine, stream, 'c', 'deny'),
      send(engine, stream, 'd'),
    ])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    const told = await refusal(send(engine, stream, 'deny'))
    assert.equal(told.message, 'Error while running stream module: SQLite failure: `Unauthorized: denied`')
    const log = await logText(engine, stream)
    assert.deepEqual(log, ['a', 'b', 'd'])
    assert.deepEqual(await read(engine, stream, 'all'), log)
    assert.deepEqual(await read(engine, stream, 'mirror'), log)
    assert.deepEqual(await read(engine, stream, 'counts', 'n'), ['3'])
  })

  it('refuse a module that is broken before it is kept', async () => {
    const { engine } = house
    const text = Buffer.from(diaryModule('broken')).toString('latin1')
    const broken = Buffer.from(text.replace('insert into entry select', 'insert into entri select'), 'latin1')
    assert.match((await refusal(engine.uploadModule(alice, new Uint8Array(broken)))).message, /entri/)
  })

  it('keep state through its journal, and empty it when its owner says so', async () => {
    const { engine } = house
    const stream = await create()
    const note = (text: string) => engine.appendState({ stream, caller: bob, events: [bytes(text)] })
    await note('one')
    await note('two')
    assert.deepEqual(await read(engine, stream, 'notes'), ['one', 'two'])
    await engine.clearState(alice, stream)
    assert.deepEqual(await read(engine, stream, 'notes'), [])
    await note('three')
    assert.deepEqual(await read(engine, stream, 'notes'), ['three'])
  })

  it('keep state whose journal was shortened, also over a restart', async () => {
    const own = await openHouse(createRealHosts)
    try {
      const { engine, database } = own
      const { cid } = await engine.uploadModule(alice, diaryModule())
      const stream = (await engine.create({ caller: alice, moduleCid: cid, clientStamp: null })).streamDid
      const events = Array.from({ length: 600 }, (_, index) => bytes(String(index)))
      await engine.appendState({ stream, caller: bob, events })
      await engine.appendState({ stream, caller: bob, events })
      const kept = async () =>
        (
          await database.read(tx =>
            tx.get<{ kept: number }>('SELECT state_kept AS kept FROM streams_stream WHERE did = $1', [
              stream,
            ]),
          )
        )?.kept
      await until(async () => (await kept()) === 1200)
      await engine.appendState({ stream, caller: bob, events: [bytes('last')] })
      await engine.stop()
      await own.hosts.close()
      const notes = await read(own.again({ sameFiles: true }).engine, stream, 'notes')
      assert.equal(notes.length, 1201)
      assert.equal(notes.at(-1), 'last')
    } finally {
      await own.close()
    }
  })

  it('give a subscriber every row once, in order, while batches come', async () => {
    const { engine } = house
    const stream = await create()
    await send(engine, stream, ...numbers(1, 60))
    const readers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        subscribe(engine, stream, { query: queryOf('all', { start: 1, limit: 5 + at }) }),
      ),
    )
    const rows = (reader: (typeof readers)[number]) =>
      reader.pages.flatMap(page => (page.ok ? columnOf(page.rows.drisl, 'body') : []))
    await Promise.all(numbers(61, 120).map(event => send(engine, stream, event)))
    await until(() => readers.every(reader => rows(reader).length >= 120))
    const log = await logText(engine, stream)
    for (const reader of readers) {
      assert.deepEqual(rows(reader), log)
      reader.end()
    }
  })

  it('tell a query who asks, and share nothing between people', async () => {
    const { engine } = house
    const stream = await create()
    const readers = await Promise.all(
      [alice, bob].map(caller => subscribe(engine, stream, { caller, query: queryOf('me') })),
    )
    await Promise.all(readers.map(reader => reader.until(1)))
    const seen = readers.map(({ pages: [page] }) => (page?.ok ? columnOf(page.rows.drisl, 'me') : []))
    assert.deepEqual(seen, [[alice.did], [bob.did]])
    for (const reader of readers) reader.end()
  })

  it('change the module while events come, without a moment in which nothing answers', async () => {
    const { engine } = house
    const stream = await create()
    for (let at = 0; at < 10; at += 1) await send(engine, stream, ...numbers(at * 100 + 1, at * 100 + 100))
    await engine.appendState({ stream, caller: bob, events: [bytes('before')] })
    const { cid } = await engine.uploadModule(alice, diaryModule('second'))
    const progress = { done: false }
    const update = engine.updateModule(alice, stream, cid).finally(() => {
      progress.done = true
    })
    let sent = 1000
    while (!progress.done) {
      sent += 1
      await send(engine, stream, String(sent))
      await engine.query(nobody, stream, queryOf('counts'))
    }
    await update
    await engine.appendState({ stream, caller: bob, events: [bytes('after')] })
    assert.equal((await engine.info(stream)).moduleCid, cid)
    assert.deepEqual(await read(engine, stream, 'all'), numbers(1, sent))
    assert.deepEqual(await read(engine, stream, 'counts', 'n'), [String(sent)])
    assert.deepEqual(await read(engine, stream, 'notes'), ['before', 'after'])
  })

  it('leave the old module when the new one cannot take the log', async () => {
    const { engine } = house
    const stream = await create()
    await send(engine, stream, 'a', 'a')
    const text = Buffer.from(diaryModule('unique')).toString('latin1')
    const unique = Buffer.from(
      text.replace('user text not null, body text not null', 'user text not null, body text unique  '),
      'latin1',
    )
    const { cid } = await engine.uploadModule(alice, new Uint8Array(unique))
    assert.match((await refusal(engine.updateModule(alice, stream, cid))).message, /UNIQUE/)
    assert.notEqual((await engine.info(stream)).moduleCid, cid)
    await send(engine, stream, 'b')
    assert.deepEqual(await read(engine, stream, 'all'), ['a', 'a', 'b'])
  })

  it('go with their stream, and come with one that is brought in', async () => {
    const { engine } = house
    const stream = await create()
    await send(engine, stream, 'a', 'b')
    await engine.appendState({ stream, caller: bob, events: [bytes('note')] })
    const { sealedKey, ...described } = await engine.transfer.describe(stream)
    const state = await engine.transfer.copyState(stream)
    const events = await engine.readLog(stream, 0, 100, 1e6)
    assert.ok(sealedKey !== null && state !== undefined)
    const other = await openHouse(createRealHosts)
    try {
      await other.engine.transfer.import({
        ...described,
        module: diaryModule(),
        key: { sealed: sealedKey },
        state,
        events: [events],
      })
      await other.engine.appendState({ stream, caller: bob, events: [bytes('more')] })
      await send(other.engine, stream, 'c')
      assert.deepEqual(await read(other.engine, stream, 'all'), ['a', 'b', 'c'])
      assert.deepEqual(await read(other.engine, stream, 'notes'), ['note', 'more'])
    } finally {
      await other.close()
    }
    await engine.delete(stream)
    assert.equal((await refusal(engine.query(nobody, stream, queryOf('all')))).code, 'missing')
  })

  it('agree with the log whatever comes at the same time', async () => {
    const { engine } = house
    await engine.setQuota(alice.did ?? '', { streams: 1000, bytes: 1e9 })
    const batch = fc.array(fc.constantFrom('a', 'b', 'c', 'deny'), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(batch, { maxLength: 6 }), { maxLength: 4 }), async rounds => {
        const stream = await create()
        const expected: string[] = []
        for (const round of rounds) {
          const taken = await Promise.allSettled(round.map(events => send(engine, stream, ...events)))
          for (const [at, outcome] of taken.entries()) {
            assert.equal(outcome.status === 'fulfilled', !round[at]!.includes('deny'))
            if (outcome.status === 'fulfilled') expected.push(...round[at]!)
          }
          await engine.appendState({ stream, caller: bob, events: [bytes('s')] })
        }
        assert.deepEqual(await logText(engine, stream), expected)
        assert.deepEqual(await read(engine, stream, 'all'), expected)
        assert.deepEqual(await read(engine, stream, 'mirror'), expected)
        assert.equal((await read(engine, stream, 'notes')).length, rounds.length)
        const sha256 = (data: Uint8Array) => new Uint8Array(hash('sha256', data, 'buffer'))
        const log = await engine.readLog(stream, 0, 10_000, 1e6)
        await verifyChain(stream, log, { sha256, verify: () => true })
        await engine.delete(stream)
      }),
      { numRuns: 25 },
    )
  })
})
