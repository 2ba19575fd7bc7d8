import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestHosts, type TestModule } from './test-streams.ts'

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
