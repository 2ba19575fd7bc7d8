import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Refusal } from '../../kernel/errors.ts'
import type { StreamsEngine } from './engine.ts'
import { denied } from './test-hosts.ts'
import { alice, bob, bytes, nobody, onBothEngines, queryOf, refusal, subscribe, until } from './test-house.ts'

const send = (engine: StreamsEngine, stream: string, ...events: string[]) =>
  engine.append({ stream, caller: alice, events: events.map(bytes) })

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index))

onBothEngines('a subscription', open => {
  it('from a start reads everything in pages of its limit, and then what comes', async () => {
    const { engine, create } = await open()
    const stream = await create()
    await send(engine, stream, ...numbers(1, 25))
    const reader = await subscribe(engine, stream, { query: queryOf('all', { start: 1, limit: 10 }) })
    await reader.until(3)
    assert.deepEqual(reader.rows(), numbers(1, 25))
    assert.deepEqual(
      reader.pages.map(page => page.ok && page.hasMore),
      [true, true, false],
    )
    await send(engine, stream, '26')
    await reader.until(4)
    assert.deepEqual(reader.rows(), numbers(1, 26))
  })

  it('without a start begins at the head, with an empty page', async () => {
    const { engine, create } = await open()
    const stream = await create()
    await send(engine, stream, '1', '2')
    const reader = await subscribe(engine, stream)
    await reader.until(1)
    assert.deepEqual(reader.rows(), [])
    await send(engine, stream, '3')
    await reader.until(2)
    assert.deepEqual(reader.rows(), ['3'])
  })

  it('sends nothing before its gate opens, and nothing that came before then is lost', async () => {
    const { engine, create } = await open()
    const stream = await create()
    const gate = Promise.withResolvers<void>()
    const reader = await subscribe(engine, stream, { gate: gate.promise })
    await send(engine, stream, '1')
    await send(engine, stream, '2')
    assert.deepEqual(reader.pages, [])
    gate.resolve()
    await reader.until(1)
    assert.deepEqual(reader.rows(), ['1', '2'])
  })

  it('is told of every batch of events and of state, with no rows if there are none', async () => {
    const { engine, create } = await open()
    const stream = await create()
    const reader = await subscribe(engine, stream, { query: queryOf('all', { start: 100 }) })
    await reader.until(1)
    await send(engine, stream, '1')
    await reader.until(2)
    await engine.appendState({ stream, caller: bob, events: [bytes('s')] })
    await reader.until(3)
    await engine.clearState(alice, stream)
    await reader.until(4)
    assert.deepEqual(reader.rows(), [])
  })

  it('whose query fails hears so after every batch, and skips what it could not have', async () => {
    const { engine, create } = await open()
    const stream = await create()
    const reader = await subscribe(engine, stream, { query: queryOf('fail', { start: 1, limit: 1 }) })
    await reader.until(1)
    await send(engine, stream, '1', '2', '3')
    await reader.until(2)
    assert.deepEqual(reader.pages, [
      { ok: false, error: denied },
      { ok: false, error: denied },
    ])
  })

  it('asks again when hosts are busy, and misses nothing', async () => {
    const { engine, create, hosts, clock } = await open()
    const stream = await create()
    await send(engine, stream, '1')
    let failures = 0
    hosts.hooks.query = async () => {
      failures += 1
      if (failures < 3) throw new Refusal('unavailable', 'busy')
    }
    const reader = await subscribe(engine, stream, { query: queryOf('all', { start: 1 }) })
    for (let tries = 1; tries < 3; tries += 1) {
      await until(() => failures === tries)
      await new Promise(resolve => setImmediate(resolve))
      clock.advance(500)
    }
    await reader.until(1)
    assert.deepEqual(reader.rows(), ['1'])
  })

  it('is told once when hosts stay busy, and goes on by itself when they are not', async () => {
    const { engine, create, hosts, clock } = await open()
    const stream = await create()
    await send(engine, stream, '1', '2')
    let asked = 0
    hosts.hooks.query = async () => {
      asked += 1
      throw new Refusal('unavailable', 'busy')
    }
    const reader = await subscribe(engine, stream, { query: queryOf('all', { start: 1, limit: 1 }) })
    await until(() => {
      clock.advance(2000)
      return asked > 12
    })
    assert.deepEqual(reader.pages, [{ ok: false, error: 'busy' }])
    delete hosts.hooks.query
    await until(() => {
      clock.advance(2000)
      return reader.rows().length === 2
    })
    assert.deepEqual(reader.rows(), ['1', '2'])
  })

  it('that is slow gets fewer, larger pages, and no row twice or never', async () => {
    const { engine, create } = await open()
    const stream = await create()
    const taking = Promise.withResolvers<void>()
    const slow = await subscribe(engine, stream, {
      query: queryOf('all', { start: 1 }),
      beforeTake: () => taking.promise,
    })
    await slow.until(1)
    for (const event of numbers(1, 50)) await send(engine, stream, event)
    assert.equal(slow.pages.length, 1)
    taking.resolve()
    await until(() => slow.rows().length === 50)
    assert.deepEqual(slow.rows(), numbers(1, 50))
    assert.ok(slow.pages.length <= 3, `${slow.pages.length} pages`)
  })

  it('ends with its signal, at any point', async () => {
    const { engine, create, hosts } = await open()
    const stream = await create()
    const never = new Promise<void>(() => undefined)
    const gated = await subscribe(engine, stream, { gate: never })
    const waiting = await subscribe(engine, stream)
    const stuck = await subscribe(engine, stream, { beforeTake: () => never })
    await Promise.all([waiting.until(1), stuck.until(1)])
    assert.equal((await engine.counts()).subscriptions, 3)
    for (const one of [gated, waiting, stuck]) one.end()
    await until(async () => (await engine.counts()).subscriptions === 0)
    const before = hosts.executed.queries
    await send(engine, stream, '1')
    assert.equal(hosts.executed.queries, before)
  })

  it('shares its execution with those who ask the same at the same place', async () => {
    const { engine, create, hosts } = await open()
    const stream = await create()
    const readers = []
    for (let index = 0; index < 30; index += 1) {
      const caller = index % 2 === 0 ? alice : bob
      readers.push(await subscribe(engine, stream, { caller, query: queryOf(index < 20 ? 'all' : 'mine') }))
    }
    await Promise.all(readers.map(reader => reader.until(1)))
    const before = hosts.executed.queries
    await send(engine, stream, '1')
    await Promise.all(readers.map(reader => reader.until(2)))
    // One for everybody who asks `all`, one for each person who asks `mine`.
    assert.equal(hosts.executed.queries - before, 3)
    assert.ok(readers.every(reader => reader.rows().length === 1))
  })

  it('is one of twenty that read everything at once, and each gets all of it in order', async () => {
    const { engine, create } = await open()
    const stream = await create()
    await send(engine, stream, ...numbers(1, 300))
    const readers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        subscribe(engine, stream, { query: queryOf('all', { start: 1, limit: 7 + index }) }),
      ),
    )
    await Promise.all(numbers(301, 320).map(event => send(engine, stream, event)))
    await until(() => readers.every(reader => reader.rows().length >= 320))
    for (const reader of readers) assert.deepEqual(reader.rows().toSorted(byNumber), numbers(1, 320))
    for (const reader of readers) assert.deepEqual(reader.rows(), reader.rows().toSorted(byNumber))
  })

  it('to a stream that is deleted is told so', async () => {
    const { engine, create } = await open()
    const stream = await create()
    const reader = await subscribe(engine, stream)
    await reader.until(1)
    await engine.delete(stream)
    await reader.until(2)
    assert.deepEqual(reader.pages[1], { ok: false, error: `Stream was deleted: ${stream}` })
    await until(async () => (await engine.counts()).subscriptions === 0)
    assert.match((await refusal(engine.query(nobody, stream, queryOf('all')))).message, /was deleted/)
  })
})

const byNumber = (a: string, b: string) => Number(a) - Number(b)
