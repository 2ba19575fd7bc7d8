import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openTestHosts, type TestHosts, type TestModule, type TestStream } from './test-streams.ts'

/** Its materializer counts into the state, so that an event applied twice shows. */
const counting: TestModule = {
  initSql: 'create table log(idx integer primary key, body text)',
  materializer: `insert into log select idx, drisl_extract(payload, '.body') from event;
    insert into state.totals select user, 1 from event where true on conflict do update set count = count + 1`,
  stateInitSql: `create table if not exists state.reads(who text primary key, upto integer);
    create table if not exists state.totals(who text primary key, count integer)`,
  stateMaterializer: `insert into state.reads select user, drisl_extract(payload, '.upto') from event where true
    on conflict do update set upto = excluded.upto`,
  queries: [
    { name: 'log', sql: 'select * from log order by idx' },
    { name: 'mirror', sql: 'select idx, user from events.events order by idx' },
    { name: 'reads', sql: 'select * from state.reads' },
    { name: 'totals', sql: 'select * from state.totals' },
  ],
}

const files = (hosts: TestHosts, stream: TestStream) =>
  readdirSync(join(hosts.folder, stream.did))
    .filter(name => name.endsWith('.db'))
    .sort()

async function shown(stream: TestStream): Promise<unknown> {
  return [
    await stream.query('log'),
    await stream.query('mirror'),
    await stream.query('reads'),
    await stream.query('totals'),
  ]
}

async function live(t: Parameters<typeof openTestHosts>[0]) {
  const hosts = openTestHosts(t)
  const stream = hosts.stream(counting)
  await stream.append('a', { body: 'one' })
  await stream.appendState('a', { upto: 1 })
  await stream.append('a', { body: 'two' }, { body: 'three' })
  return { hosts, stream }
}

const remove = (hosts: TestHosts, stream: TestStream, pattern: RegExp) => {
  const folder = join(hosts.folder, stream.did)
  for (const name of readdirSync(folder)) if (pattern.test(name)) rmSync(join(folder, name))
}

test("the mirror has upstream's four columns", async t => {
  const { hosts, stream } = await live(t)
  const log = new DatabaseSync(join(hosts.folder, stream.did, 'log.db'), { readOnly: true })
  const columns = log.prepare("select name from pragma_table_info('events')").all()
  assert.deepEqual(
    columns.map(column => column['name']),
    ['idx', 'user', 'payload', 'signature'],
  )
  log.close()
})

for (const [what, pattern] of [
  ['the mirror', /^log\.db/],
  ["the module's tables", /^module-/],
  ['both', /^(?:log\.db|module-)/],
] as const) {
  test(`${what} may be deleted between two requests and come back as they were`, async t => {
    const { hosts, stream } = await live(t)
    const before = await shown(stream)
    remove(hosts, stream, pattern)
    assert.deepEqual(await shown(stream), before)
    remove(hosts, stream, pattern)
    await stream.append('a', { body: 'four' })
    assert.deepEqual(await stream.query('totals'), [{ who: 'a', count: 4 }])
  })
}

test('after a restart of the house everything is as it was, and goes on', async t => {
  const { hosts, stream } = await live(t)
  const before = await shown(stream)
  hosts.restart()
  assert.deepEqual(await shown(stream), before)
  await stream.append('a', { body: 'four' })
  assert.deepEqual(await stream.query('totals'), [{ who: 'a', count: 4 }])
})

test('a mirror of another history is thrown away after a restart', async t => {
  const { hosts, stream } = await live(t)
  stream.events.splice(1)
  hosts.restart()
  assert.deepEqual(await stream.query('mirror'), [{ idx: 1, user: 'a' }])
  await stream.append('b', { body: 'other' })
  await stream.append('b', { body: 'history' })
  const events = stream.events.splice(1)
  hosts.restart()
  stream.events.push(...events.map(event => ({ ...event, user: 'c' })))
  assert.deepEqual(await stream.query('mirror'), [
    { idx: 1, user: 'a' },
    { idx: 2, user: 'c' },
    { idx: 3, user: 'c' },
  ])
})

test('a damaged mirror or damaged tables are built again', async t => {
  const { hosts, stream } = await live(t)
  const before = await shown(stream)
  await hosts.hosts.checkpointState(stream.view())
  hosts.restart()
  await new Promise(resolve => setTimeout(resolve, 100))
  const folder = join(hosts.folder, stream.did)
  for (const name of readdirSync(folder)) {
    if (/-(?:wal|shm)$/.test(name)) rmSync(join(folder, name))
  }
  const { writeFileSync } = await import('node:fs')
  writeFileSync(
    join(folder, 'log.db'),
    'this is no database, though it is long enough to be looked at'.repeat(99),
  )
  assert.deepEqual(await shown(stream), before)
})

test('a cleared state is empty, and what came before stays cleared after a restart', async t => {
  const { hosts, stream } = await live(t)
  stream.clear()
  await hosts.hosts.catchUp(stream.view())
  assert.deepEqual(await stream.query('reads'), [])
  assert.deepEqual(await stream.query('totals'), [])
  await stream.appendState('b', { upto: 2 })
  hosts.restart()
  assert.deepEqual(await stream.query('reads'), [{ who: 'b', upto: 2 }])
})

test('a build is not seen until it is adopted, takes a copy of the state along, and removes what was before', async t => {
  const { hosts, stream } = await live(t)
  const old = stream.view()
  stream.useModule({ ...counting, initSql: `${counting.initSql}; create table more(a)` })
  const progress: number[] = []
  const signal = new AbortController().signal
  await hosts.hosts.build(stream.view(), { signal, onProgress: at => progress.push(at.applied) })
  assert.deepEqual([progress[0], progress.at(-1)], [0, 3])
  assert.equal(files(hosts, stream).length, 5)
  const query = { name: 'totals', params: new Map(), start: 1, limit: 10, user: null }
  assert.equal((await hosts.hosts.query(old, query)).count, 1)
  await hosts.hosts.adopt(stream.view())
  await hosts.hosts.adopt(stream.view())
  assert.deepEqual(files(hosts, stream), ['log.db', `module-${stream.view().module.cid}-2.db`, 'state.db'])
  // As upstream, the log runs again over the state as it is.
  assert.deepEqual(await stream.query('totals'), [{ who: 'a', count: 6 }])
  assert.deepEqual(await stream.query('reads'), [{ who: 'a', upto: 1 }])
  await stream.append('a', { body: 'four' })
  assert.deepEqual(await stream.query('totals'), [{ who: 'a', count: 7 }])
})

test('a build that was finished is adopted by the next request when nobody else did it', async t => {
  const { hosts, stream } = await live(t)
  stream.useModule(counting)
  await hosts.hosts.build(stream.view(), { signal: new AbortController().signal })
  hosts.killAll()
  assert.deepEqual(await stream.query('totals'), [{ who: 'a', count: 6 }])
})

test('an interrupted build goes on where it was', async t => {
  const hosts = openTestHosts(t)
  const stream = hosts.stream(counting)
  for (let round = 0; round < 4; round += 1)
    await stream.append('a', ...Array.from({ length: 300 }, (_, at) => ({ body: `${round} ${at}` })))
  stream.useModule(counting)
  const abort = new AbortController()
  let reached = 0
  const interrupted = hosts.hosts.build(stream.view(), {
    signal: abort.signal,
    onProgress: ({ applied }) => {
      reached = applied
      if (applied > 0) abort.abort()
    },
  })
  await assert.rejects(interrupted, { code: 'unavailable' })
  hosts.restart()
  const progress: number[] = []
  await hosts.hosts.build(stream.view(), {
    signal: new AbortController().signal,
    onProgress: at => progress.push(at.applied),
  })
  assert.equal(progress[0], reached)
  await hosts.hosts.adopt(stream.view())
  assert.deepEqual(await stream.query('totals'), [{ who: 'a', count: 2400 }])
})

test('a build that the log does not fit says at which event, and its files go', async t => {
  const { hosts, stream } = await live(t)
  const before = files(hosts, stream)
  const old = stream.view()
  const materializer = `select throw('no twos') from event where drisl_extract(payload, '.body') = 'two'`
  const module = stream.useModule({ ...counting, materializer })
  await assert.rejects(hosts.hosts.build(stream.view(), { signal: new AbortController().signal }), {
    message: 'Error while running stream module: SQLite failure: `Exception thrown: no twos` (after event 1)',
  })
  await hosts.hosts.discard(stream.did, module)
  assert.deepEqual(files(hosts, stream), before)
  assert.equal(
    (await hosts.hosts.query(old, { name: 'log', params: new Map(), start: 1, limit: 9, user: null })).count,
    3,
  )
})

test('a state that was copied out and placed elsewhere is there with its first request', async t => {
  const { hosts, stream } = await live(t)
  const bytes = await hosts.hosts.copyState(stream.view())
  assert.ok(bytes !== undefined)
  const other = hosts.stream(counting)
  other.events.push(...stream.events)
  await hosts.hosts.placeState(other.did, bytes)
  assert.deepEqual(await other.query('totals'), [{ who: 'a', count: 3 }])
  assert.deepEqual(await other.query('reads'), [{ who: 'a', upto: 1 }])
  await other.appendState('a', { upto: 9 })
  assert.deepEqual(await other.query('reads'), [{ who: 'a', upto: 9 }])
})

test("a state of upstream's, which says nothing of how far it is, is taken as it is", async t => {
  const hosts = openTestHosts(t)
  const path = join(hosts.folder, 'upstream.db')
  const made = new DatabaseSync(path)
  made.exec("create table totals(who text primary key, count integer); insert into totals values('a', 2)")
  made.close()
  const { readFileSync } = await import('node:fs')
  const other = hosts.stream(counting)
  const source = hosts.stream(counting)
  await source.append('a', { body: 'one' }, { body: 'two' })
  other.events.push(...source.events)
  await hosts.hosts.placeState(other.did, readFileSync(path))
  assert.deepEqual(await other.query('totals'), [{ who: 'a', count: 2 }])
  await other.append('a', { body: 'three' })
  assert.deepEqual(await other.query('totals'), [{ who: 'a', count: 3 }])
})

test('a checkpoint says up to where the journal may be pruned', async t => {
  const { hosts, stream } = await live(t)
  assert.deepEqual(await hosts.hosts.checkpointState(stream.view()), { seq: 1, idx: 3 })
  stream.entries.splice(0)
  stream.entries.push({
    seq: 2,
    afterIdx: 3,
    kind: 'event',
    user: 'b',
    payload: new Uint8Array([0xa1, 0x64, 0x75, 0x70, 0x74, 0x6f, 0x02]),
  })
  hosts.restart()
  assert.deepEqual(await stream.query('reads'), [
    { who: 'a', upto: 1 },
    { who: 'b', upto: 2 },
  ])
})

test('a stream that is removed leaves nothing behind, and may come again', async t => {
  const { hosts, stream } = await live(t)
  await hosts.hosts.remove(stream.did)
  assert.deepEqual(readdirSync(hosts.folder), [])
  stream.events.splice(0)
  stream.entries.splice(0)
  await stream.append('a', { body: 'new' })
  assert.deepEqual(await stream.query('totals'), [{ who: 'a', count: 1 }])
})
