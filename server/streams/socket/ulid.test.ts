import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../../kernel/clock.ts'
import { systemRandom } from '../../kernel/random.ts'
import { createUlids } from './ulid.ts'

test('a ULID is the time and 80 random bits, in Crockford’s digits', () => {
  // The example of the specification: its time, and its randomness as bytes.
  const newId = createUlids({
    clock: createManualClock(1_469_918_176_385),
    random: { ...systemRandom, bytes: count => new Uint8Array(count) },
  })
  assert.equal(newId(), '01ARYZ6S410000000000000000')
  const full = createUlids({
    clock: { now: () => 2 ** 48 - 1 },
    random: { ...systemRandom, bytes: count => new Uint8Array(count).fill(255) },
  })
  assert.equal(full(), '7ZZZZZZZZZZZZZZZZZZZZZZZZZ')
})

test('later ULIDs sort behind earlier ones, and none comes twice', () => {
  const clock = createManualClock()
  const newId = createUlids({ clock, random: systemRandom })
  const ids = Array.from({ length: 1000 }, () => {
    clock.advance(1)
    return newId()
  })
  assert.deepEqual([...ids].sort(), ids)
  assert.equal(new Set(ids).size, 1000)
})
