import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { createPlaces } from './places.ts'
import { createThrottle } from './throttle.ts'

test('places are bounded in all and by network, and freed once', () => {
  const places = createPlaces({ max: 3, perNetworkMax: 2 })
  const free = places.take('a')
  places.take('a')
  assert.throws(() => places.take('a'), Refusal)
  places.take('b')
  assert.throws(() => places.take('c'), /all 3 places/)
  free()
  free()
  places.take('c')
  assert.throws(() => places.take('d'), /all 3 places/)
})

test('who brings more than her share waits, and nobody else does', async () => {
  const clock = createManualClock()
  const throttle = createThrottle({ perSecond: 100, clock })
  clock.advance(10_000)
  await throttle.wait('a', 200)
  await throttle.wait('a', 100)
  let done = false
  const waiting = throttle.wait('a', 1).then(() => {
    done = true
  })
  await throttle.wait('b', 200)
  clock.advance(999)
  await Promise.resolve()
  assert.equal(done, false)
  clock.advance(1)
  await waiting
})
