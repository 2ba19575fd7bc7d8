import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeDrisl, float } from '@leaf/codec/drisl'
import type { SqlParam } from './contract.ts'
import { moduleBytes, openTestHosts, type TestModule } from './test-streams.ts'

const notes: TestModule = {
  initSql: 'create table notes(idx integer primary key, author text, body text)',
  authorizer: `select unauthorized('only ada writes here') from event where user <> 'did:plc:ada'`,
  materializer: `insert into notes select idx, user, drisl_extract(payload, '.body') from event`,
  stateInitSql: 'create table if not exists state.reads(who text primary key, upto integer)',
  stateMaterializer: `insert into state.reads select user, drisl_extract(payload, '.upto') from event where true
    on conflict do update set upto = excluded.upto`,
  queries: [
    { name: 'notes', sql: 'select idx, body from notes where idx >= $start order by idx limit $limit' },
    { name: 'log', sql: 'select * from events.events' },
    { name: 'reads', sql: 'select * from state.reads' },
  ],
}

test('a batch that the authorizer takes is seen by queries once it is committed', async t => {
  const stream = openTestHosts(t).stream(notes)
  await stream.append('did:plc:ada', { body: 'one' }, { body: 'two' })
  assert.deepEqual(await stream.query('notes'), [
    { idx: 1, body: 'one' },
    { idx: 2, body: 'two' },
  ])
})

test("an authorizer's refusal reaches the caller with upstream's text", async t => {
  const stream = openTestHosts(t).stream(notes)
  await assert.rejects(stream.append('did:plc:eve', { body: 'one' }), {
    message: 'Error while running stream module: SQLite failure: `Unauthorized: only ada writes here`',
  })
  assert.deepEqual(await stream.query('notes'), [])
})

test('what one caller is refused, the next one gets: a refusal leaves nothing behind', async t => {
  const guarded = [
    { name: 'guard', sql: `select unauthorized('not you') where $requesting_user is null; select 1 as one` },
    { name: 'itself', sql: `select coalesce($requesting_user, unauthorized('not you')) as one` },
  ]
  const stream = openTestHosts(t).stream({ ...notes, queries: guarded })
  for (const { name } of guarded) {
    for (let round = 0; round < 3; round += 1) {
      await assert.rejects(stream.query(name, { user: null }), { message: /Unauthorized: not you/ })
      assert.equal((await stream.query(name, { user: 'did:plc:ada' })).length, 1)
    }
  }
})

test('state events are seen by queries and leave the log alone', async t => {
  const stream = openTestHosts(t).stream(notes)
  await stream.appendState('did:plc:eve', { upto: 3 })
  await stream.appendState('did:plc:eve', { upto: 5 })
  assert.deepEqual(await stream.query('reads'), [{ who: 'did:plc:eve', upto: 5 }])
  assert.deepEqual(await stream.query('log'), [])
})

test('batches of one request pass or fail each by itself, and those that pass are numbered without holes', async t => {
  const hosts = openTestHosts(t)
  const stream = hosts.stream(notes)
  const batch = (user: string, ...bodies: string[]) => ({
    user,
    payloads: bodies.map(body => encodeDrisl({ body })),
    signature: new Uint8Array(64),
  })
  const prepared = await hosts.hosts.prepare(stream.view(), [
    batch('did:plc:ada', 'one', 'two'),
    batch('did:plc:eve', 'never'),
    batch('did:plc:ada'),
    batch('did:plc:ada', 'three'),
  ])
  assert.deepEqual(
    prepared.results.map(result => (result.ok ? [result.firstIdx, result.lastIdx] : result.error)),
    [
      [1, 2],
      'Error while running stream module: SQLite failure: `Unauthorized: only ada writes here`',
      [3, 2],
      [3, 3],
    ],
  )
  await prepared.abort()
  assert.deepEqual(await stream.query('notes'), [])
})

test('of a batch that is refused at its second event nothing stays, and the next one is numbered in its place', async t => {
  const hosts = openTestHosts(t)
  const stream = hosts.stream(notes)
  const signature = new Uint8Array(64)
  const batch = (user: string, ...bodies: string[]) => ({
    user,
    payloads: bodies.map(body => encodeDrisl({ body })),
    signature,
  })
  const ada = 'did:plc:ada'
  const stubborn = {
    ...batch(ada, 'lost'),
    payloads: [encodeDrisl({ body: 'lost' }), new Uint8Array([0xff])],
  }
  const prepared = await hosts.hosts.prepare(stream.view(), [stubborn, batch(ada, 'kept')])
  assert.deepEqual(
    prepared.results.map(result => result.ok && result.firstIdx),
    [false, 1],
  )
  stream.events.push({ idx: 1, user: ada, payload: encodeDrisl({ body: 'kept' }), signature })
  await prepared.commit()
  assert.deepEqual(await stream.query('notes'), [{ idx: 1, body: 'kept' }])
  assert.equal((await stream.query('log')).length, 1)
})

test('a batch that rolls back the whole transaction takes no other batch with it', async t => {
  const hosts = openTestHosts(t)
  const stream = hosts.stream({
    ...notes,
    authorizer: '',
    materializer: `insert or rollback into notes select case drisl_extract(payload, '.body') when 'bad' then 1 else idx end,
      user, drisl_extract(payload, '.body') from event`,
  })
  const batch = (body: string) => ({
    user: 'a',
    payloads: [encodeDrisl({ body })],
    signature: new Uint8Array(64),
  })
  const prepared = await hosts.hosts.prepare(stream.view(), [batch('one'), batch('bad'), batch('two')])
  assert.deepEqual(
    prepared.results.map(result => (result.ok ? result.firstIdx : result.error)),
    [1, 'Error while running stream module: SQLite failure: `UNIQUE constraint failed: notes.idx`', 2],
  )
  await prepared.abort()
})

test('many events at once are run in slices, and another stream has its turn between them', async t => {
  const hosts = openTestHosts(t)
  const stream = hosts.stream(notes)
  const other = hosts.stream(notes)
  await stream.append('did:plc:ada', { body: 'first' })
  await other.append('did:plc:ada', { body: 'first' })
  await other.query('notes')
  const bodies = Array.from({ length: 5000 }, (_, at) => ({ body: `${at}` }))
  let isOver = false
  const long = stream.append('did:plc:ada', ...bodies).finally(() => (isOver = true))
  let turns = 0
  while (!isOver) {
    await other.query('notes')
    if (!isOver) turns += 1
  }
  await long
  assert.ok(turns > 1, `${turns} turns`)
  assert.equal((await stream.query('notes', { start: 5001 })).length, 1)
})

test('parameters are bound by their kinds, and who asks cannot be said by who asks', async t => {
  const sql =
    'select $a as a, typeof($b) as b, $requesting_user as user, $start as start, $limit as "limit", $x as x'
  const params = [
    { name: 'a', kind: 'any', optional: true },
    { name: 'b', kind: 'real', optional: false },
    { name: 'requesting_user', kind: 'text', optional: true },
  ]
  const stream = openTestHosts(t).stream({ ...notes, queries: [{ name: 'echo', sql, params }] })
  const text = (value: string) => ({ kind: 'text', value }) as const
  const integer = (value: bigint) => ({ kind: 'integer', value }) as const
  const ask = (params: Record<string, SqlParam>, user: string | null = null) =>
    stream.query('echo', { params, user })
  assert.deepEqual(await ask({ a: text('x'), b: integer(2n), requesting_user: text('root') }, 'did:plc:me'), [
    { a: 'x', b: 'real', user: 'did:plc:me', start: 1, limit: 1000, x: null },
  ])
  assert.deepEqual((await ask({ requesting_user: text('root') }))[0]?.['user'], null)
  await assert.rejects(ask({ nope: text('') }), {
    message: 'Error while running stream module: The `nope` parameter does not exist in the `echo` query.',
  })
  await assert.rejects(ask({ b: text('two') }), {
    message: /The `b` parameter for the `echo` query fails validation\. Got value `Text\("two"\)`/,
  })
  await assert.rejects(ask({ b: { kind: 'null' } }), { message: /fails validation/ })
  await assert.rejects(stream.query('other'), {
    message: 'Error while running stream module: Query with name `other` not in module.',
  })
})

test('rows keep reals apart from integers, and what clients cannot read is refused by its column', async t => {
  const rows = (sql: string) =>
    openTestHosts(t)
      .stream({ ...notes, queries: [{ name: 'q', sql }] })
      .query('q')
  const [row] = await rows(
    `select 2.0 as a, 2 as b, null as c, 'ü' as d, x'00ff' as e, 1 as x, 2 as x, -7 as n, 9007199254740991 as m`,
  )
  assert.deepEqual(row, {
    a: float(2),
    b: 2,
    c: null,
    d: 'ü',
    e: new Uint8Array([0, 255]),
    x: 2,
    n: -7,
    m: 9007199254740991,
  })
  await assert.rejects(rows('select 1 as a, 9007199254740992 as big'), {
    message: /column "big" holds the integer 9007199254740992/,
  })
  await assert.rejects(rows('select -9e999 as inf'), { message: /column "inf" holds -Infinity/ })
})

test('answers are bounded in rows and in bytes', async t => {
  const hosts = openTestHosts(t, { answerRowsMax: 10, answerBytesMax: 2000 })
  const many = 'with recursive n(i) as (select 1 union all select i + 1 from n limit $limit) select i from n'
  const stream = hosts.stream({
    ...notes,
    queries: [
      { name: 'many', sql: many },
      { name: 'long', sql: `select hex(zeroblob($limit)) as x` },
    ],
  })
  assert.equal((await stream.query('many', { limit: 10 })).length, 10)
  await assert.rejects(stream.query('many', { limit: 11 }), { message: /more than 10 rows/ })
  assert.equal((await stream.query('long', { limit: 900 })).length, 1)
  await assert.rejects(stream.query('long', { limit: 1100 }), { message: /more than 2000 bytes/ })
})

test('guards before the last statement can refuse, at any row', async t => {
  const sql = `select case i when 3 then unauthorized('members only') end
      from (select 1 as i union select 2 union select $limit) where $requesting_user is null;
    select 'shown; as -- it is' as body;`
  const stream = openTestHosts(t).stream({ ...notes, queries: [{ name: 'guarded', sql }] })
  assert.deepEqual(await stream.query('guarded', { user: 'did:plc:me' }), [{ body: 'shown; as -- it is' }])
  assert.deepEqual(await stream.query('guarded', { limit: 2 }), [{ body: 'shown; as -- it is' }])
  await assert.rejects(stream.query('guarded', { limit: 3 }), {
    message: 'Error while running stream module: SQLite failure: `Unauthorized: members only`',
  })
})

test('a module is compiled whole before it is taken, and what replays differently is told', async t => {
  const { hosts } = openTestHosts(t)
  const check = (part: Partial<TestModule>) => hosts.validate(moduleBytes({ ...notes, ...part }))
  assert.deepEqual(await check({}), [])
  await assert.rejects(check({ materializer: 'select 1;\ninsert into nowhere values(1)' }), {
    code: 'invalid',
    message: 'materializer, statement 2 (line 2): no such table: nowhere',
  })
  await assert.rejects(check({ queries: [{ name: 'q', sql: 'select 1; select nope from notes' }] }), {
    message: 'query "q", statement 2 (line 1): no such column: nope',
  })
  await assert.rejects(check({ queries: [{ name: 'q', sql: '-- nothing' }] }), {
    message: /expected at least one statement/,
  })
  await assert.rejects(check({ initSql: 'create table a(' }), {
    message: /^initSql, statement 1 \(line 1\): incomplete input/,
  })
  await assert.rejects(check({ authorizer: 'select "quoted as text"' }), { message: /no such column/ })
  await assert.rejects(hosts.validate(encodeDrisl({ $type: 'other' })), {
    message: 'cannot load module: unrecognized module type ID',
  })
  await assert.rejects(hosts.validate(new Uint8Array([0xff])), { code: 'invalid' })
  const warnings = await check({
    materializer: `insert into notes select idx, random(), datetime('now') from event;
      create temp table if not exists seen as select 1 as one; insert into seen values(2);
      insert into state.unkeyed values(1)`,
    stateInitSql: `${notes.stateInitSql}; create table if not exists state.unkeyed(a)`,
  })
  assert.equal(warnings.length, 3)
  assert.match(
    warnings.join('\n'),
    /random\(\).*\n.*asks for the time.*\n.*state\.unkeyed, which has no primary key/,
  )
})

test('nothing runs before something is asked', async t => {
  const { hosts } = openTestHosts(t)
  assert.deepEqual(hosts.counts(), { hosts: 0, openStreams: 0, stuck: 0, kills: 0, quarantined: 0 })
})
