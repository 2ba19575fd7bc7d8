/**
 * Hosts are killed at random moments while batches, state events and queries run. Whatever was committed by the house
 * is in the tables afterwards, once, and the tables are those of a stream that never saw a crash.
 */
import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import fc from 'fast-check'
import { openTestHosts, type TestHosts, type TestModule, type TestStream } from './test-streams.ts'

const rounds = Number(process.env['LEAF_CRASH_ROUNDS'] ?? 12)
const seed = Number(process.env['LEAF_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Tables and a state in which everything counts, so that twice and never both show. */
const ledger: TestModule = {
  initSql:
    'create table entries(idx integer primary key, body text); create table sums(who text primary key, sum integer)',
  authorizer: `select throw('no thirteens') from event where drisl_extract(payload, '.n') = 13`,
  materializer: `insert into entries select idx, drisl_extract(payload, '.n') from event;
    insert into sums select user, drisl_extract(payload, '.n') from event where true
      on conflict do update set sum = sum + excluded.sum;
    update state.totals set events = events + 1;
    insert into state.seen select idx from event where drisl_extract(payload, '.n') % 3 = 0;
    delete from state.seen where idx < (select idx from event) - 5`,
  stateInitSql: `create table if not exists state.totals(id integer primary key, events integer, marks integer);
    insert or ignore into state.totals values(1, 0, 0);
    create table if not exists state.seen(idx integer primary key)`,
  stateMaterializer: `update state.totals set marks = marks + drisl_extract(payload, '.n') from event`,
  queries: [
    { name: 'entries', sql: 'select * from entries order by idx' },
    { name: 'mirror', sql: 'select idx, user from events.events order by idx' },
    { name: 'sums', sql: 'select * from sums order by who' },
    { name: 'totals', sql: 'select * from state.totals' },
    { name: 'seen', sql: 'select * from state.seen order by idx' },
  ],
}

const names = ['entries', 'mirror', 'sums', 'totals', 'seen']

async function shown(stream: TestStream): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {}
  for (const name of names) all[name] = await stream.query(name, { limit: 10_000 })
  return all
}

/** What the tables must show, worked out by hand. */
function expected(stream: TestStream, numbers: readonly number[], marks: number): Record<string, unknown> {
  const sums = new Map<string, number>()
  for (const [at, n] of numbers.entries()) {
    const who = stream.events[at]?.user ?? ''
    sums.set(who, (sums.get(who) ?? 0) + n)
  }
  const seen = numbers.flatMap((n, at) => (n % 3 === 0 ? [{ idx: at + 1 }] : []))
  return {
    entries: numbers.map((n, at) => ({ idx: at + 1, body: `${n}` })),
    mirror: stream.events.map(({ idx, user }) => ({ idx, user })),
    sums: [...sums].map(([who, sum]) => ({ who, sum })).sort((a, b) => (a.who < b.who ? -1 : 1)),
    totals: [{ id: 1, events: numbers.length, marks }],
    seen: seen.filter(({ idx }) => idx >= numbers.length - 5),
  }
}

/** Numbers from a seed. */
function drawFrom(start: number): (below: number) => number {
  let state = start
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state % below
  }
}

/** Appends while `disturb` runs beside; what an answer confirmed, or the log has, is what counts. */
async function live(hosts: TestHosts, stream: TestStream, steps: number, draw: (below: number) => number) {
  const numbers: number[] = []
  let marks = 0
  for (let step = 0; step < steps; step += 1) {
    const kind = draw(10)
    if (kind < 6) {
      const batch = Array.from({ length: 1 + draw(4) }, () => draw(12))
      const length = stream.events.length
      await stream.append(`user-${draw(3)}`, ...batch.map(n => ({ n }))).catch(() => undefined)
      if (stream.events.length > length) numbers.push(...batch)
    } else if (kind < 8) {
      const length = stream.entries.length
      await stream.appendState('a', { n: 2 }).catch(() => undefined)
      if (stream.entries.length > length) marks += 2
    } else if (kind < 9) {
      await assert.rejects(stream.append('a', { n: 1 }, { n: 13 }))
    } else {
      await hosts.hosts.checkpointState(stream.view()).catch(() => undefined)
    }
  }
  return { numbers, marks }
}

test(`hosts killed at ${rounds} random moments lose nothing and repeat nothing`, {
  timeout: 300_000,
}, async t => {
  const hosts = openTestHosts(t)
  const draw = drawFrom(seed)
  const stream = hosts.stream(ledger)
  let numbers: number[] = []
  let marks = 0
  for (let round = 0; round < rounds; round += 1) {
    const killing = new Promise<void>(resolve =>
      setTimeout(() => {
        hosts.killAll()
        resolve()
      }, draw(60)),
    )
    const done = await live(hosts, stream, 12, draw)
    await killing
    numbers = [...numbers, ...done.numbers]
    marks += done.marks
    assert.deepEqual(await shown(stream), expected(stream, numbers, marks), `seed ${seed}, round ${round}`)
  }
})

test('any history gives the same tables live and replayed', { timeout: 120_000 }, async t => {
  const hosts = openTestHosts(t)
  const history = fc.array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          user: fc.constantFrom('a', 'b'),
          batch: fc.array(fc.nat(12), { minLength: 1, maxLength: 5 }),
        }),
      },
      { weight: 1, arbitrary: fc.constant('mark' as const) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
    ),
    { minLength: 1, maxLength: 8 },
  )
  await fc.assert(
    fc.asyncProperty(history, async steps => {
      const stream = hosts.stream(ledger)
      const numbers: number[] = []
      let marks = 0
      for (const step of steps) {
        if (step === 'restart') hosts.restart()
        else if (step === 'mark') {
          await stream.appendState('a', { n: 1 })
          marks += 1
        } else {
          await stream.append(step.user, ...step.batch.map(n => ({ n })))
          numbers.push(...step.batch)
        }
      }
      assert.deepEqual(await shown(stream), expected(stream, numbers, marks))
      // The same log on a stream that has nothing yet.
      const replayed = hosts.stream(ledger)
      replayed.events.push(...stream.events)
      replayed.entries.push(...stream.entries)
      assert.deepEqual(await shown(replayed), expected(replayed, numbers, marks))
    }),
    { numRuns: 8, seed },
  )
})
