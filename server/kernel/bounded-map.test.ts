import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBoundedMap } from './bounded-map.ts'

test('what was not used for the longest time goes first', () => {
  const map = createBoundedMap<string, number>(2)
  map.set('a', 1)
  map.set('b', 2)
  assert.equal(map.get('a'), 1)
  map.set('c', 3)
  assert.equal(map.get('b'), undefined)
  assert.deepEqual([map.get('a'), map.get('c'), map.size], [1, 3, 2])
})

test('weights are summed, also over replaced and deleted entries', () => {
  const map = createBoundedMap<string, string>(10, text => text.length)
  map.set('a', 'xxxx')
  map.set('a', 'xx')
  map.set('b', 'xxxx')
  map.set('c', 'xxxx')
  assert.equal(map.size, 3)
  map.delete('c')
  map.set('d', 'xxxxx')
  assert.deepEqual([map.get('a'), map.get('b'), map.get('d')], [undefined, 'xxxx', 'xxxxx'])
  map.set('e', 'xxxxxxxxxxx')
  assert.equal(map.get('e'), undefined)
})
