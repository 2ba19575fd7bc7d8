import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { type DrislInput, encodeDrisl, float, parseCid } from '@leaf/codec/drisl'
import { addFunctions } from './functions.ts'

const database = new DatabaseSync(':memory:')
addFunctions(database)

/** Type and value, as SQL sees them. */
function extracted(input: DrislInput, path = '.'): unknown {
  const row = database
    .prepare('select typeof(v) as type, v as value from (select drisl_extract(?, ?) as v)')
    .get(encodeDrisl(input), path)
  return [row?.['type'], row?.['value'] instanceof Uint8Array ? [...row['value']] : row?.['value']]
}

test('values become what upstream makes of them', () => {
  assert.deepEqual(extracted(5), ['integer', 5])
  assert.deepEqual(extracted(float(2)), ['real', 2])
  assert.deepEqual(extracted('x'), ['text', 'x'])
  assert.deepEqual(extracted(true), ['integer', 1])
  assert.deepEqual(extracted(null), ['null', null])
  assert.deepEqual(extracted(new Uint8Array([1, 2])), ['blob', [1, 2]])
  assert.deepEqual(extracted({}, '.missing'), ['null', null])
  const cid = 'bafyreiem25lrcftzhr7wrm2c2zr4onzlpo3zqz3zc3zyjz2wqkb6xzhxma'
  const [type, bytes] = extracted(parseCid(cid)) as [string, number[]]
  assert.deepEqual([type, bytes.length, bytes[0]], ['blob', 36, 1])
})

test('maps and arrays become JSON with keys in the order of their bytes', () => {
  assert.deepEqual(
    extracted({ bb: 1, a: 2, é: 'ü"\n', list: [float(1), float(1.5), null, true, new Uint8Array([255])] }),
    ['text', '{"a":2,"bb":1,"list":[1.0,1.5,null,true,[255]],"é":"ü\\"\\n"}'],
  )
  assert.deepEqual(extracted([float(1e16), float(1e-7), float(-0), float(123456789012345)]), [
    'text',
    '[1e16,1e-7,-0.0,123456789012345.0]',
  ])
})

test('an integer beyond 64 bits wraps', () => {
  assert.deepEqual(
    database
      .prepare('select cast(drisl_extract(?, ?) as text) as value')
      .get(encodeDrisl(2n ** 64n - 1n), '.')?.['value'],
    '-1',
  )
})

test('drisl_exists tells null from nothing', () => {
  const exists = database.prepare('select drisl_exists(?, ?) as there')
  const payload = encodeDrisl({ here: null })
  assert.equal(exists.get(payload, '.here')?.['there'], 1)
  assert.equal(exists.get(payload, '.gone')?.['there'], 0)
})

test("wrong arguments are told with upstream's texts", () => {
  const run = (sql: string) => () => database.prepare(sql).get()
  assert.throws(run(`select drisl_extract('text', '.')`), {
    message: 'First argument to drisl_extract must be blob',
  })
  assert.throws(run(`select drisl_extract(x'a0', 1)`), {
    message: 'Second argument to drisl_extract must be sring',
  })
  assert.throws(run(`select drisl_extract(x'a0', 'x')`), { message: /^error at 1:1: expected/ })
  assert.throws(run(`select drisl_extract(x'ff', '.')`))
})

test('unauthorized and throw join their arguments as upstream does', () => {
  const text = (sql: string) => {
    try {
      database.prepare(sql).get()
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
    return ''
  }
  assert.equal(
    text(`select unauthorized('no', 1, 1.0, 1.5, null, x'0aff', 1e21, 1e-7)`),
    'Unauthorized: no 1 1 1.5 NULL 0AFF 1000000000000000000000 0.0000001',
  )
  assert.equal(text('select throw()'), 'Exception thrown: ')
})

test('they are not to be called from a view', () => {
  database.exec(`create view sly as select throw('x') as y`)
  assert.throws(() => database.prepare('select * from sly').get(), { message: /unsafe use of throw/ })
})
