import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createManualClock } from '../../kernel/clock.ts'
import { createBreakers } from './breaker.ts'
import { seededRandom } from './test-world.ts'

const make = (seed = 1, peersMax = 100) => {
  const clock = createManualClock()
  const options = { baseMs: 30_000, capMs: 480_000, forgetMs: 86_400_000, peersMax }
  return { clock, breakers: createBreakers({ clock, random: seededRandom(seed), ...options }) }
}

test('pauses lie between the base and the cap, whatever happens', () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(fc.nat({ max: 600_000 }), { maxLength: 30 }), (seed, gaps) => {
      const { clock, breakers } = make(seed)
      for (const gap of gaps) {
        breakers.failed('b')
        const waitMs = breakers.waitMs('b')
        assert.ok(waitMs <= 480_000)
        if (gap >= 480_000) clock.advance(gap)
        if (gap >= 480_000) assert.equal(breakers.ask('b'), 'probe')
      }
    }),
  )
})

test('failures of one round count once; each round may make the pause longer', () => {
  const { clock, breakers } = make()
  breakers.failed('b')
  const first = breakers.waitMs('b')
  assert.ok(first >= 30_000)
  for (let n = 0; n < 50; n += 1) breakers.failed('b')
  assert.equal(breakers.waitMs('b'), first)
  clock.advance(first)
  assert.equal(breakers.ask('b'), 'probe')
  assert.equal(breakers.ask('b'), 'wait')
  breakers.failed('b')
  assert.ok(breakers.waitMs('b') >= 30_000)
})

test('a probe that was not made can be made by the next; one that succeeds ends it', () => {
  const { clock, breakers } = make()
  breakers.failed('b')
  clock.advance(480_000)
  assert.equal(breakers.ask('b'), 'probe')
  breakers.release('b')
  assert.equal(breakers.ask('b'), 'probe')
  assert.equal(breakers.succeeded('b'), true)
  assert.equal(breakers.ask('b'), 'go')
  assert.equal(breakers.succeeded('b'), false)
})

test('a peer says how long; an hour at most, a second at least', () => {
  const { breakers } = make()
  breakers.failed('b', 5000)
  assert.equal(breakers.waitMs('b'), 5000)
  breakers.failed('c', 1e12)
  assert.equal(breakers.waitMs('c'), 3_600_000)
  breakers.failed('d', 0)
  assert.equal(breakers.waitMs('d'), 1000)
  assert.equal(breakers.open(), 3)
})

test('a sign of life brings the probe forward, but not below the base', () => {
  const { clock, breakers } = make(3)
  for (let n = 0; n < 8; n += 1) {
    breakers.failed('b')
    if (n < 7) clock.advance(480_000)
    breakers.ask('b')
  }
  breakers.hint('b')
  clock.advance(29_999)
  assert.equal(breakers.ask('b'), 'wait')
  clock.advance(1)
  breakers.hint('b')
  assert.equal(breakers.ask('b'), 'probe')
})

test('failures are forgotten after a day, and those of more peers than the bound at once', () => {
  const { clock, breakers } = make(1, 2)
  breakers.failed('a')
  breakers.failed('b')
  breakers.failed('c')
  assert.equal(breakers.ask('a'), 'go')
  assert.equal(breakers.ask('c'), 'wait')
  clock.advance(86_400_000)
  assert.equal(breakers.ask('c'), 'go')
})
