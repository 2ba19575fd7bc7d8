/**
 * What strangers might upload. Every attack must be answered with an error in time, while a neighbour's requests stay
 * quick, and nothing outside the stream's own folder may change.
 */
import assert from 'node:assert/strict'
import { availableParallelism, loadavg } from 'node:os'
import { after, before, test } from 'node:test'
import {
  moduleBytes,
  openTestHosts,
  type TestHosts,
  type TestModule,
  type TestStream,
} from './test-streams.ts'

/** How many want a core, for each there is: on a machine that is busy otherwise, everything takes so much longer. */
const crowd = () => Math.max(1, loadavg()[0]! / availableParallelism())
const queryMsMax = Math.ceil(300 * crowd())
const batchMsMax = Math.ceil(400 * crowd())
/** What an answer may come late. */
const slackMs = () => 50 * crowd()
/** What the neighbour may wait. */
const waitMs = () => 20 * crowd()

let hosts: TestHosts
let neighbour: TestStream
const cleanUp: (() => unknown)[] = []

const quiet: TestModule = {
  initSql: 'create table notes(idx integer primary key, body text)',
  materializer: `insert into notes select idx, drisl_extract(payload, '.body') from event`,
  queries: [{ name: 'notes', sql: 'select * from notes where idx = $start' }],
}

before(async () => {
  hosts = openTestHosts({ after: fn => void cleanUp.push(fn as () => unknown) }, { queryMsMax, batchMsMax })
  neighbour = hosts.stream(quiet)
  await neighbour.append('a', { body: 'one' })
  await neighbour.query('notes')
})
after(async () => {
  for (const fn of cleanUp) await fn()
})

/** Every request of the neighbour's while somebody attacked. */
const allTimes: number[] = []

/** Runs `attack` while a neighbour asks and writes; gives how long each of its requests took. */
async function besides(attack: Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  let isOver = false
  const over = attack.then(
    () => (isOver = true),
    () => (isOver = true),
  )
  while (!isOver) {
    const start = performance.now()
    if (times.length % 4 === 3) await neighbour.append('a', { body: 'more' })
    else await neighbour.query('notes')
    times.push(performance.now() - start)
    allTimes.push(performance.now() - start)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  await over
  return times
}

function quantile(times: readonly number[], share: number): number {
  return times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
}

const endless = 'with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n'
const bombs: Record<string, string> = {
  'an endless recursion': endless,
  'an endless recursion that gives rows':
    'with recursive n(i) as (select 1 union all select i + 1 from n) select i from n',
  'an endless recursion in an exists': `select exists (${endless.replace('count(*)', 'i')} where i < 0)`,
  'a cartesian product': `with d(x) as (values (1),(2),(3),(4),(5),(6),(7),(8),(9),(10))
    select count(*) from d a, d b, d c, d d, d e, d f, d g, d h, d i, d j, d k, d l`,
  'a sorter that never ends': `with recursive n(i) as (select 1 union all select i + 1 from n)
    select i from n order by random(), hex(randomblob(100))`,
  'a distinct over everything': `with recursive n(i) as (select 1 union all select i + 1 from n)
    select count(distinct hex(randomblob(64)) || i) from n`,
  'a group of everything': `with recursive n(i) as (select 1 union all select i + 1 from n)
    select length(group_concat(hex(randomblob(1000)))) from n`,
  'a zeroblob of gigabytes': 'select zeroblob(2000000000)',
  'zeroblobs in rows': `with recursive n(i) as (select 1 union all select i + 1 from n) select zeroblob(10000000) from n`,
  'a text that doubles itself': `with recursive n(s) as (select 'aaaaaaaaaaaaaaaa' union all select s || s from n)
    select max(length(s)) from n`,
  'deep json': `select json(replace(hex(zeroblob(1000000)), '00', '['))`,
  'printf of a giant': `select length(printf('%.*c', 900000000, 'x'))`,
  'a window over everything': `with recursive n(i) as (select 1 union all select i + 1 from n)
    select sum(i) over (order by i desc rows between unbounded preceding and unbounded following) from n`,
}

for (const [what, sql] of Object.entries(bombs)) {
  test(`a query with ${what} is answered with an error in time, and the neighbour does not notice`, async () => {
    const stream = hosts.stream({ ...quiet, queries: [{ name: 'bomb', sql }] })
    await stream.append('a', { body: 'x' })
    await neighbour.query('notes')
    const start = performance.now()
    let tookMs = 0
    const attack = assert.rejects(stream.query('bomb')).finally(() => (tookMs = performance.now() - start))
    const times = await besides(attack)
    await attack
    assert.ok(tookMs < queryMsMax + slackMs(), `answered after ${tookMs} ms`)
    assert.ok(
      quantile(times, 0.9) < waitMs(),
      `the neighbour: ${times.toSorted((a, b) => b - a).slice(0, 5)} of ${times.length}`,
    )
  })
}

const scripts: Record<string, Partial<TestModule>> = {
  authorizer: { authorizer: endless },
  materializer: { materializer: endless },
  'materializer with a temporary bomb': {
    materializer: `create temp table bomb as with recursive n(i) as (select 1 union all select i + 1 from n)
      select randomblob(1000) from n`,
  },
  'materializer that fills the file': {
    materializer: `insert into notes with recursive n(i) as (select 1 union all select i + 1 from n)
      select i + 1000, hex(randomblob(500)) from n`,
  },
  'materializer with a trigger that feeds itself': {
    initSql: `${quiet.initSql}; create trigger feeding after insert on notes begin
      insert into notes select max(idx) + 1, 'x' from notes; insert into notes select max(idx) + 1, 'x' from notes; end`,
    materializer: `${quiet.materializer}; ${endless}`,
  },
}

for (const [what, part] of Object.entries(scripts)) {
  test(`an endless ${what} is answered with an error in time, and the neighbour does not notice`, async () => {
    const stream = hosts.stream({ ...quiet, ...part })
    await hosts.hosts.catchUp(stream.view())
    await neighbour.query('notes')
    const start = performance.now()
    let tookMs = 0
    const attack = assert
      .rejects(stream.append('a', { body: 'x' }))
      .finally(() => (tookMs = performance.now() - start))
    const times = await besides(attack)
    await attack
    assert.ok(tookMs < batchMsMax + slackMs(), `answered after ${tookMs} ms`)
    assert.ok(
      quantile(times, 0.9) < waitMs(),
      `the neighbour: ${times.toSorted((a, b) => b - a).slice(0, 5)}`,
    )
    assert.equal(stream.events.length, 0)
  })
}

test('an endless init script and an endless state script are answered with errors', async () => {
  const start = performance.now()
  await assert.rejects(hosts.stream({ ...quiet, initSql: endless }).query('notes'))
  await assert.rejects(hosts.stream({ ...quiet, stateInitSql: endless }).query('notes'))
  await assert.rejects(hosts.stream({ ...quiet, stateMaterializer: endless }).appendState('a', { body: 'x' }))
  await assert.rejects(hosts.hosts.validate(moduleBytes({ ...quiet, initSql: endless })))
  assert.ok(performance.now() - start < 4 * (batchMsMax + slackMs()) + 500)
})

test('what was killed twice is refused for a while, other queries of the stream are not', async () => {
  const bomb = { name: 'bomb', sql: endless }
  const stream = hosts.stream({ ...quiet, queries: [bomb, ...(quiet.queries ?? [])] })
  await assert.rejects(stream.query('bomb'), { code: 'invalid' })
  await assert.rejects(stream.query('bomb'), { code: 'invalid' })
  await assert.rejects(stream.query('bomb'), { code: 'unavailable' })
  assert.deepEqual(await stream.query('notes'), [])
})

test('many bombs of many owners at once leave the neighbour alone', async () => {
  const streams = Array.from({ length: 8 }, () =>
    hosts.stream({ ...quiet, queries: [{ name: 'bomb', sql: endless }] }),
  )
  for (const stream of streams) await stream.append('a', { body: 'x' })
  const attacks = Promise.all(streams.map(stream => assert.rejects(stream.query('bomb'))))
  const times = await besides(attacks)
  await attacks
  assert.ok(times.length > 20, `${times.length} requests`)
  assert.ok(
    quantile(times, 0.9) < waitMs(),
    `the neighbour: ${times.toSorted((a, b) => b - a).slice(0, 9)} of ${times.length}`,
  )
})

test('of all requests of the neighbour, ninety-nine of a hundred took less than 20 ms', () => {
  assert.ok(allTimes.length > 500, `${allTimes.length} requests`)
  assert.ok(
    quantile(allTimes, 0.99) < waitMs(),
    `${allTimes.toSorted((a, b) => b - a).slice(0, 20)} of ${allTimes.length}`,
  )
})
