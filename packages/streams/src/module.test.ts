import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { encodeDrisl } from '@leaf/codec/drisl'
import { LeafClient } from '@muni-town/leaf-client'
import { defineModule } from './define-module.ts'
import { FieldError } from './fields.ts'
import { basicModuleType, decodeModule, encodeModule, moduleCidOf } from './module.ts'
import { rowReader, toSqlParam } from './query.ts'
import type { SqlParam } from './wire.ts'

const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(hash('sha256', bytes, 'buffer'))

const parts = { initSql: 'create table t (a)', authorizer: '', materializer: '' }
const example = defineModule({
  ...parts,
  queries: {
    all: { sql: 'select a from t', row: { a: 'integer?' } },
    some: { sql: 'select a from t where a = $a', params: { a: 'integer', b: 'text?' } },
  },
})

test('a module has the CID that the published client gives it', async () => {
  const cid = await LeafClient.moduleCid({
    $type: basicModuleType,
    ...example.module,
    queries: [...example.module.queries].map(query => ({ ...query, params: [...query.params] })),
    publicLog: undefined,
  } as never)
  assert.equal(example.cid(sha256), cid)
  assert.equal(moduleCidOf(example.bytes, sha256), cid)
})

test('a module is read as it was written', () => {
  assert.deepEqual(decodeModule(example.bytes), example.module)
  const open = { ...example.module, publicLog: true }
  assert.deepEqual(decodeModule(encodeModule(open)), open)
  assert.notEqual(moduleCidOf(encodeModule(open), sha256), example.cid(sha256))
})

test('names that a module’s type does not have are ignored, and what is missing is told', () => {
  const module = { $type: basicModuleType, ...parts, queries: [], later: 1 }
  assert.equal(decodeModule(encodeDrisl(module)).stateInitSql, '')
  const wrong: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ $type: 'x' }, `$type: expected ${basicModuleType}, got text "x"`],
    [{ initSql: 1 }, 'initSql: expected text, got the integer 1'],
    [{ queries: [{ name: 'a' }] }, 'queries.0.sql: expected text, got nothing'],
    [
      { queries: [{ name: 'a', sql: '', params: [{ name: 'p', kind: 'date', optional: false }] }] },
      'queries.0.params.0.kind: expected integer, real, text, blob, any, got text "date"',
    ],
    [{ publicLog: 'yes' }, 'publicLog: expected true or false, got text "yes"'],
  ]
  for (const [change, message] of wrong) {
    assert.throws(() => decodeModule(encodeDrisl({ ...module, ...change } as never)), { message })
  }
})

test('a parameter that a query has by itself, or that SQL cannot bind, is refused', () => {
  for (const name of ['start', 'limit', 'requesting_user', 'a-b', '1']) {
    assert.throws(
      () => defineModule({ ...parts, queries: { q: { sql: 'select 1', params: { [name]: 'text' } } } }),
      FieldError,
      name,
    )
  }
  assert.throws(() => defineModule({ ...parts, queries: { q: { sql: ' ' } } }), FieldError)
})

test('a query of a module is asked with its own types', () => {
  const query = example.query('some', { a: 1 }, { limit: 5 })
  assert.deepEqual(
    { ...query, read: undefined },
    { name: 'some', params: { a: 1 }, limit: 5, read: undefined },
  )
  // @ts-expect-error: `a` is an integer
  example.query('some', { a: 'x' })
  // @ts-expect-error: `a` is required
  example.query('some', { b: 'x' })
  const row = example.query('all', {}).read?.(new Map([['a', { kind: 'integer', value: 7n } as const]]))
  const a: number | null | undefined = row?.a
  assert.equal(a, 7)
})

test('rows are read by their declaration, and what does not fit is told', () => {
  const read = rowReader({ a: 'integer', b: 'real?', c: 'any' })
  const row = (a: SqlParam, b: SqlParam) =>
    new Map<string, SqlParam>([
      ['a', a],
      ['b', b],
      ['c', { kind: 'blob', value: new Uint8Array(1) }],
    ])
  const one: SqlParam = { kind: 'integer', value: 1n }
  assert.deepEqual(read(row(one, one)), { a: 1, b: 1, c: new Uint8Array(1) })
  assert.deepEqual(read(row(one, { kind: 'null' })).b, null)
  assert.throws(() => read(row({ kind: 'null' }, one)), /a: expected integer, got text "null"/)
  assert.throws(() => read(row({ kind: 'text', value: 'x' }, one)), FieldError)
  assert.throws(() => read(row({ kind: 'integer', value: 2n ** 60n }, one)), /within 2\^53/)
  assert.throws(() => read(new Map()), /a: expected integer, got nothing/)
})

test('plain values have the kind that they look like', () => {
  assert.deepEqual(toSqlParam(2, 'p'), { kind: 'integer', value: 2n })
  assert.deepEqual(toSqlParam(2.5, 'p'), { kind: 'real', value: 2.5 })
  assert.deepEqual(toSqlParam({ kind: 'real', value: 2 }, 'p'), { kind: 'real', value: 2 })
  assert.throws(() => toSqlParam(Number.NaN, 'p'), FieldError)
})
