import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createManualClock } from '../../kernel/clock.ts'
import { callerOf, createBudget, createByteGate } from './limits.ts'

test('a budget is never overspent, by one or by all, in any window', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    amount: fc.nat(60),
    refund: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), steps => {
      const budget = createBudget({ clock: createManualClock(), each: 100, all: 250, windowMs: 1000 })
      const spent = new Map<string, number>()
      for (const { key, amount, refund } of steps) {
        if (refund) {
          const back = Math.min(amount, spent.get(key) ?? 0)
          budget.refund(key, back)
          spent.set(key, (spent.get(key) ?? 0) - back)
        } else if (budget.spend(key, amount)) spent.set(key, (spent.get(key) ?? 0) + amount)
        const all = [...spent.values()].reduce((sum, one) => sum + one, 0)
        assert.ok(all <= 250 && [...spent.values()].every(one => one <= 100))
        assert.equal(budget.spent(), all)
      }
    }),
  )
})

test('a budget is whole again when its window is over', () => {
  const clock = createManualClock()
  const budget = createBudget({ clock, each: 10, all: 10, windowMs: 1000 })
  assert.equal(budget.spend('a', 10), true)
  assert.equal(budget.spend('b', 1), false)
  clock.advance(1000)
  assert.equal(budget.left('b'), 10)
})

test('one caller is an IPv4 address in any spelling, or the /64 of an IPv6 address', () => {
  assert.equal(callerOf('198.51.100.1'), '198.51.100.1')
  assert.equal(callerOf('::ffff:198.51.100.1'), '198.51.100.1')
  assert.equal(callerOf('2001:db8::1'), callerOf('2001:0db8:0:0:ffff::2'))
  assert.notEqual(callerOf('2001:db8::1'), callerOf('2001:db8:0:1::1'))
  assert.equal(callerOf('::1'), '0:0:0:0')
})

test('a gate lets in what fits, in order, and what is larger than it alone', async () => {
  const gate = createByteGate(100)
  const order: number[] = []
  const enter = (n: number, bytes: number) => gate.enter(bytes).then(exit => (order.push(n), exit))
  const first = await enter(1, 60)
  const second = enter(2, 60)
  const third = enter(3, 10)
  const fourth = enter(4, 500)
  await Promise.resolve()
  assert.deepEqual(order, [1])
  first()
  first()
  const exits = await Promise.all([second, third])
  assert.deepEqual(order, [1, 2, 3])
  for (const exit of exits) exit()
  ;(await fourth)()
  assert.deepEqual(order, [1, 2, 3, 4])
})
