import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeDrisl, encodeDrisl, float } from '@leaf/codec/drisl'
import { followPath, parsePath } from './path.ts'

const value = decodeDrisl(
  encodeDrisl({
    $type: 'space.note',
    list: [1, { deep: 'yes' }],
    'quoted.key with space': 7,
    one: { only: null },
    word: 'text',
    real: float(2),
    12: 'number as a name',
  }),
)
const at = (path: string) => followPath(value, parsePath(path))

test('a path goes by names into maps and by numbers into arrays', () => {
  assert.equal(at('.$type'), 'space.note')
  assert.equal(at('.list.0'), 1)
  assert.equal(at('.list.1.deep'), 'yes')
  assert.equal(at('."quoted.key with space"'), 7)
  assert.equal(at('.'), value)
})

test('an index does not look into maps, nor a name into arrays', () => {
  assert.equal(at('.12'), undefined)
  assert.equal(at('.list.length'), undefined)
  assert.equal(at('.list.2'), undefined)
  assert.equal(at('.word.0'), undefined)
})

test('a discriminant is the only key of a map, or the text itself', () => {
  assert.equal(at('.one.?discriminant'), 'only')
  assert.equal(at('.word.?discriminant'), 'text')
  assert.equal(at('.?discriminant'), undefined)
  assert.equal(at('.list.?discriminant'), undefined)
})

test('null is there, nothing is not', () => {
  assert.equal(at('.one.only'), null)
  assert.equal(at('.one.other'), undefined)
  assert.equal(at('.constructor'), undefined)
})

test('a wrong path is told with its place', () => {
  for (const [path, place] of [
    ['', '1:1'],
    ['list', '1:1'],
    ['.list.', '1:7'],
    ['.a_b', '1:3'],
    ['.a-b', '1:3'],
    ['."open', '1:2'],
    ['.a b', '1:3'],
    ['..a', '1:2'],
  ] as const) {
    assert.throws(() => parsePath(path), { message: new RegExp(`^error at ${place}: expected `) }, path)
  }
})
