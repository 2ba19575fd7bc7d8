import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cidOf, type DrislValue, float } from '@leaf/codec/drisl'
import { MalformedError } from '@leaf/codec/errors'
import { follow, parsePath } from './path.ts'
import { joinArguments, toSql } from './sql-text.ts'

const at = (value: DrislValue, path: string) => follow(value, parsePath(path))

test('a path looks into maps by name and into arrays by number', () => {
  const value = { $type: 'x', list: [1, { a: 2 }], 'a.b': 3, 'my-key': 4, none: null, 7: 8 }
  assert.equal(at(value, '.'), value)
  assert.equal(at(value, '.$type'), 'x')
  assert.equal(at(value, '.list.1.a'), 2)
  assert.equal(at(value, '."a.b"'), 3)
  assert.equal(at(value, '."my-key"'), 4)
  assert.equal(at(value, '.none'), null)
  for (const nowhere of ['.absent', '.list.5', '.list.a', '.7', '.$type.x', '.toString', '.list.length']) {
    assert.equal(at(value, nowhere), undefined, nowhere)
  }
})

test('a discriminant is the only key of a map, or a text', () => {
  assert.equal(at({ kind: { room: { id: 1 } } }, '.kind.?discriminant'), 'room')
  assert.equal(at({ kind: 'room' }, '.kind.?discriminant'), 'room')
  assert.equal(at({ kind: { a: 1, b: 2 } }, '.kind.?discriminant'), undefined)
  assert.equal(at({ kind: [1] }, '.kind.?discriminant'), undefined)
})

test('what is no path is refused with its column', () => {
  for (const [path, column] of [
    ['', 1],
    ['a', 1],
    ['.a_b', 3],
    ['.a-b', 3],
    ['..', 2],
    ['.a.', 4],
    ['."a', 2],
    ['.?other', 2],
  ] as const) {
    assert.throws(
      () => parsePath(path),
      (error: unknown) =>
        error instanceof MalformedError && error.message.startsWith(`error at 1:${column}: expected `),
      path,
    )
  }
  assert.deepEqual(parsePath('.a\\.b'), [{ kind: 'name', name: 'a\\.b' }])
})

test('values become SQL’s as on a server', () => {
  const cid = cidOf(new Uint8Array([1, 0x71, 0x12, 32, ...new Uint8Array(32)]))
  assert.deepEqual(toSql(true), { kind: 'integer', value: 1n })
  assert.deepEqual(toSql(undefined), { kind: 'null' })
  assert.deepEqual(toSql(float(2)), { kind: 'real', value: 2 })
  assert.deepEqual(toSql(2n ** 64n - 1n), { kind: 'integer', value: -1n })
  assert.deepEqual(toSql(cid), { kind: 'blob', value: cid.bytes })
  assert.deepEqual(toSql({ b: [1, float(2), null], aa: new Uint8Array([1, 2]), é: 'ü"', a: float(1e21) }), {
    kind: 'text',
    value: '{"a":1e21,"aa":[1,2],"b":[1,2.0,null],"é":"ü\\""}',
  })
})

test('the arguments of an error are joined as on a server', () => {
  const text = joinArguments([
    { kind: 'null' },
    { kind: 'integer', value: -3n },
    { kind: 'real', value: 1 },
    { kind: 'real', value: 1.5e-7 },
    { kind: 'real', value: 1e21 },
    { kind: 'text', value: 'a b' },
    { kind: 'blob', value: new Uint8Array([0, 171]) },
  ])
  assert.equal(text, 'NULL -3 1 0.00000015 1000000000000000000000 a b 00AB')
  assert.equal(joinArguments([]), '')
})
