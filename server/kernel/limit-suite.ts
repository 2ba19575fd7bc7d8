import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Limiter, LimitRule } from './limit.ts'

/** A limiter under test. */
export interface LimiterHouse {
  /** Undefined: what it needs is not on this machine. */
  readonly limiter: Limiter
  /** Lets the window of a key end. */
  readonly endWindow: (rule: LimitRule, key: string) => Promise<void>
  readonly stop: () => Promise<void>
}

const rule: LimitRule = { name: 'write', points: 5, windowMs: 60_000 }

/** What every limiter does. `open` gives a fresh one; `skip` says why it cannot. */
export function describeLimiter(
  subject: string,
  open: () => Promise<LimiterHouse>,
  skip: string | false,
): void {
  const check = (name: string, body: (house: LimiterHouse) => Promise<void>) =>
    test(`${subject}: ${name}`, { skip }, async () => {
      const house = await open()
      try {
        await body(house)
      } finally {
        await house.stop()
      }
    })

  check('points are counted down to the limit, and beyond it is exceeded', async ({ limiter }) => {
    const first = await limiter.consume(rule, 'alice', 3)
    assert.deepEqual({ ...first, resetMs: 0 }, { rule, remaining: 2, resetMs: 0, exceeded: false })
    assert.ok(first.resetMs > 59_000 && first.resetMs <= 60_000)
    assert.equal((await limiter.consume(rule, 'alice', 2)).exceeded, false)
    const over = await limiter.consume(rule, 'alice')
    assert.equal(over.exceeded, true)
    assert.equal(over.remaining, 0)
  })

  check('keys and rules are counted by themselves, and rules of one name together', async ({ limiter }) => {
    await limiter.consume(rule, 'alice', 5)
    assert.equal((await limiter.consume(rule, 'bob')).remaining, 4)
    assert.equal((await limiter.consume({ ...rule, name: 'read' }, 'alice')).remaining, 4)
    assert.equal((await limiter.consume({ ...rule, points: 100 }, 'alice')).remaining, 94)
  })

  check(
    'a new window begins with the first point after the last one ended',
    async ({ limiter, endWindow }) => {
      await limiter.consume(rule, 'alice', 6)
      await endWindow(rule, 'alice')
      const state = await limiter.consume(rule, 'alice')
      assert.equal(state.remaining, 4)
      assert.ok(state.resetMs > 59_000)
    },
  )

  check('points that are given back can be taken again', async ({ limiter }) => {
    await limiter.consume(rule, 'alice', 5)
    await limiter.restore(rule, 'alice', 2)
    assert.equal((await limiter.consume(rule, 'alice')).remaining, 1)
  })

  check('points that are given back are never a bonus', async ({ limiter, endWindow }) => {
    await limiter.consume(rule, 'alice', 1)
    await limiter.restore(rule, 'alice', 4)
    assert.equal((await limiter.consume(rule, 'alice')).remaining, 4)
    await endWindow(rule, 'alice')
    await limiter.restore(rule, 'alice', 4)
    assert.equal((await limiter.consume(rule, 'alice')).remaining, 4)
  })

  check('points taken at the same time are all counted', async ({ limiter }) => {
    const states = await Promise.all(Array.from({ length: 20 }, () => limiter.consume(rule, 'alice')))
    assert.equal(states.filter(state => !state.exceeded).length, 5)
  })
}
