import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { verifyChain } from '@leaf/streams/chain'
import { takeGroup, type Waiting } from './append-queue.ts'
import { createLane } from './lane.ts'
import { createTestHosts, textOf } from './test-hosts.ts'
import { alice, bob, bytes, type House, openHouse, queryOf, rowsOf, subscribe, until } from './test-house.ts'

const waiting = (given: Partial<Waiting>): Waiting => ({
  kind: 'events',
  user: 'u',
  payloads: [new Uint8Array(1)],
  signature: new Uint8Array(0),
  bytes: 1,
  expectedIdx: undefined,
  batchId: undefined,
  resolve: () => undefined,
  reject: () => undefined,
  ...given,
})

describe('a group of appends', () => {
  const kind = fc.constantFrom('events' as const, 'events' as const, 'state' as const, 'clear' as const)
  const item = fc.record({
    kind,
    events: fc.integer({ min: 1, max: 40 }),
    expectedIdx: fc.oneof(
      { weight: 9, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.nat(5) },
    ),
    batchId: fc.constantFrom(undefined, undefined, 'a', 'b', 'c'),
  })

  it('is a run from the front, of one kind, that is bounded and has each id once', () => {
    fc.assert(
      fc.property(
        fc.array(item, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 60 }),
        (given, max) => {
          const queue = given.map(({ events, ...rest }) =>
            waiting({ ...rest, payloads: Array(events).fill(bytes('x')) }),
          )
          const all = [...queue]
          const groups: (readonly Waiting[])[] = []
          while (queue.length > 0) groups.push(takeGroup(queue, max))
          assert.deepEqual(groups.flat(), all)
          for (const group of groups) {
            assert.ok(group.length > 0)
            assert.equal(new Set(group.map(one => one.kind)).size, 1)
            const ids = group.flatMap(one => one.batchId ?? [])
            assert.equal(new Set(ids).size, ids.length)
            assert.ok(group.slice(1).every(one => one.expectedIdx === undefined && one.kind !== 'clear'))
            const events = group.reduce((sum, one) => sum + one.payloads.length, 0)
            assert.ok(group.length === 1 || events <= max)
          }
        },
      ),
    )
  })
})

describe('a lane', () => {
  it('lets readers run together and a writer alone, in the order in which they came', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { maxLength: 20 }),
        fc.scheduler(),
        async (wishes, scheduler) => {
          const lane = createLane()
          let readers = 0
          let writers = 0
          const begun: number[] = []
          const all = Promise.all(
            wishes.map((alone, index) =>
              (alone ? lane.exclusive : lane.shared)(async () => {
                begun.push(index)
                if (alone) writers += 1
                else readers += 1
                assert.ok(writers === 0 || (writers === 1 && readers === 0))
                await scheduler.schedule(Promise.resolve())
                if (alone) writers -= 1
                else readers -= 1
              }),
            ),
          )
          await scheduler.waitFor(all)
          assert.deepEqual(
            begun,
            wishes.map((_, index) => index),
          )
          assert.ok(lane.isIdle())
        },
      ),
    )
  })
})

describe('the pipeline', () => {
  let house: House | undefined
  after(() => house?.close())

  type Step =
    | { readonly do: 'append'; readonly events: readonly string[]; readonly id: string | undefined }
    | { readonly do: 'state' | 'query' | 'restart' | 'fail' | 'clear' }
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('append' as const),
        events: fc.array(fc.constantFrom('a', 'b', 'c', 'deny'), { minLength: 1, maxLength: 4 }),
        id: fc.option(fc.constantFrom('1', '2', '3', '4'), { nil: undefined }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom('state', 'query', 'restart', 'fail', 'clear') }),
    },
  ) as fc.Arbitrary<Step>

  it('keeps log, views and answers in agreement, whatever comes at the same time', async () => {
    house = await openHouse(createTestHosts)
    const { create, engine: firstEngine } = house
    await firstEngine.setQuota(alice.did ?? '', { streams: 1000, bytes: 1e9 })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 6 }), async rounds => {
        const stream = await create('property')
        let { engine, hosts } = house!
        const answered = new Map<number, string>()
        const ids = new Map<string, number>()
        const reader = await subscribe(engine, stream, { query: queryOf('all', { start: 1, limit: 3 }) })
        let restarted = false
        const take = async (one: Step) => {
          if (one.do === 'append') {
            const request = { stream, caller: alice, events: one.events.map(bytes) }
            const given = await engine
              .append(one.id === undefined ? request : { ...request, batchId: one.id })
              .catch(() => undefined)
            if (given === undefined) return
            if (one.id !== undefined) {
              const before = ids.get(one.id)
              if (before !== undefined) {
                assert.equal(given.firstIdx, before)
                return
              }
              ids.set(one.id, given.firstIdx)
            }
            for (const [at, event] of one.events.entries()) answered.set(given.firstIdx + at, event)
          } else if (one.do === 'state') {
            await engine.appendState({ stream, caller: bob, events: [bytes('s')] })
          } else if (one.do === 'clear') {
            await engine.clearState(alice, stream)
          } else if (one.do === 'query') {
            await engine.query(bob, stream, queryOf('all'))
          } else if (one.do === 'fail') {
            hosts.hooks.prepare = async () => {
              delete hosts.hooks.prepare
              throw new Error('the host is gone')
            }
          }
        }
        for (const round of rounds) {
          if (round.some(one => one.do === 'restart')) {
            ;({ engine, hosts } = house!.again())
            restarted = true
          }
          await Promise.all(round.map(take))
        }
        delete hosts.hooks.prepare
        const log = await engine.readLog(stream, 0, 10_000, 1e6)
        assert.equal(log.length, await engine.head(stream))
        for (const [idx, event] of answered) assert.equal(textOf(log[idx - 1]!.payload), event)
        assert.equal(answered.size, log.length)
        const rows = rowsOf((await engine.query(bob, stream, queryOf('all', { limit: 10_000 }))).drisl)
        assert.deepEqual(
          rows,
          log.map(event => textOf(event.payload)),
        )
        const sha256 = (data: Uint8Array) => new Uint8Array(hash('sha256', data, 'buffer'))
        await verifyChain(stream, log, { sha256, verify: () => true })
        if (!restarted) {
          await until(() => reader.rows().length >= log.length)
          assert.deepEqual(reader.rows(), rows)
        }
        reader.end()
        await house!.engine.delete(stream)
      }),
      { numRuns: 60 },
    )
  })
})
