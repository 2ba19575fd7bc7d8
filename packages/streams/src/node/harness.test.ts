import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeDrisl } from '@leaf/codec/drisl'
import { defineModule, type ModuleDefinition, type QueryDefinition } from '../define-module.ts'
import { createHarness, ModuleError } from './harness.ts'

const empty = { initSql: '', authorizer: '', materializer: '', queries: {} }
const harnessOf = (parts: Partial<ModuleDefinition<Record<string, QueryDefinition>>>) =>
  createHarness(defineModule({ ...empty, ...parts }).module)
const payload = encodeDrisl({ $type: 'a', n: 2 })

test('authorizer and materializer take turns, event by event', () => {
  const harness = harnessOf({
    initSql: 'create table seen (idx, user, n)',
    authorizer: `select unauthorized('twice', count(*)) from seen having count(*) > 1`,
    materializer: `insert into seen select idx, user, drisl_extract(payload, '.n') from event`,
    queries: { all: { sql: 'select * from seen' } },
  })
  assert.equal(harness.send('did:web:a', payload), 1)
  assert.throws(() => harness.send('did:web:a', payload, payload), {
    message: 'Error while running stream module: SQLite failure: `Unauthorized: twice 2`',
  })
  assert.equal(harness.send('did:web:b', payload), 2)
  assert.deepEqual(harness.query(null, { name: 'all' }), [
    { idx: 1, user: 'did:web:a', n: 2 },
    { idx: 2, user: 'did:web:b', n: 2 },
  ])
})

test('what a server does not allow is not allowed', () => {
  for (const sql of [
    `attach 'x' as y`,
    'pragma user_version = 1',
    'vacuum',
    'begin',
    'delete from events.events',
    `update event set user = 'x'`,
    'drop table event',
    `create trigger temp.t after insert on events.events begin select 1; end`,
  ]) {
    assert.throws(() => harnessOf({ initSql: sql }), ModuleError, sql)
  }
  for (const sql of ['create table x (a)', `insert into t values (1)`, 'delete from state.s']) {
    const harness = harnessOf({
      initSql: 'create table t (a)',
      stateInitSql: 'create table state.s (a)',
      authorizer: sql,
      queries: { q: { sql } },
    })
    assert.throws(() => harness.send('did:web:a', payload), /not authorized/, sql)
    assert.throws(() => harness.query(null, { name: 'q' }), /not authorized/, sql)
  }
})

test('what is about the state changes the state only', () => {
  const parts = { initSql: 'create table t (a)', stateInitSql: 'create table state.s (a)' }
  const harness = harnessOf({ ...parts, stateMaterializer: 'insert into t values (1)' })
  assert.throws(() => harness.sendState('did:web:a', payload), /not authorized/)
  assert.throws(() => harnessOf({ ...parts, stateInitSql: 'create table more (a)' }), /not authorized/)
  const writing = harnessOf({ ...parts, materializer: 'insert into state.s select idx from event' })
  assert.equal(writing.send('did:web:a', payload), 1)
})

test('the parameters of a query are checked, and who asks cannot be chosen', () => {
  const harness = harnessOf({
    queries: {
      q: {
        sql: 'select $a as a, $requesting_user as me, $start as s, $limit as l',
        params: { a: 'text', b: 'real?' },
      },
      none: { sql: '-- nothing' },
    },
  })
  assert.deepEqual(harness.query('did:web:me', { name: 'q', params: { a: 'x' } }), [
    { a: 'x', me: 'did:web:me', s: 1, l: 1000 },
  ])
  assert.deepEqual(harness.query(null, { name: 'q' }), [{ a: null, me: null, s: 1, l: 1000 }])
  assert.throws(
    () => harness.query(null, { name: 'q', params: { a: 1 } }),
    /`a` parameter .* fails validation/,
  )
  assert.throws(() => harness.query(null, { name: 'q', params: { a: null } }), /fails validation/)
  assert.throws(() => harness.query(null, { name: 'q', params: { requesting_user: 'x' } }), /does not exist/)
  const { module } = defineModule({ ...empty, queries: { me: { sql: 'select $requesting_user as me' } } })
  const params = [{ name: 'requesting_user', kind: 'text', optional: false } as const]
  const sly = createHarness({ ...module, queries: module.queries.map(query => ({ ...query, params })) })
  const asked = { name: 'me', params: { requesting_user: 'did:web:other' } }
  assert.deepEqual(sly.query('did:web:me', asked), [{ me: 'did:web:me' }])
  assert.throws(() => harness.query(null, { name: 'x' }), /Query with name `x` not in module/)
  assert.throws(() => harness.query(null, { name: 'none' }), /did not return a result/)
})

test('a view that depends on chance is found by building it again', () => {
  const harness = harnessOf({
    initSql: 'create table lucky (n); create table plain (n)',
    materializer: 'insert into lucky select random(); insert into plain select idx from event',
  })
  harness.send('did:web:a', payload)
  assert.deepEqual(harness.rebuild(), ['lucky'])
})

test('functions tell what is wrong with their arguments', () => {
  const harness = harnessOf({
    queries: {
      a: { sql: `select drisl_extract('x', '.a')` },
      b: { sql: `select drisl_extract(x'ff', '.a')` },
      c: { sql: `select drisl_extract(x'a0', 'a')` },
      d: { sql: `select drisl_exists(x'a16161f6', '.a') as there, drisl_exists(x'a0', '.a') as absent` },
    },
  })
  assert.throws(() => harness.query(null, { name: 'a' }), /First argument to drisl_extract must be blob/)
  assert.throws(() => harness.query(null, { name: 'b' }), /simple values/)
  assert.throws(() => harness.query(null, { name: 'c' }), /error at 1:1: expected "\."/)
  assert.deepEqual(harness.query(null, { name: 'd' }), [{ there: 1, absent: 0 }])
})
