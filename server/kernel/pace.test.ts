import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, it } from 'node:test'
import { createManualClock } from './clock.ts'
import { createPace } from './pace.ts'

/** A loop of which others have so much (0 to 1) for so long; turns cost a quarter of a millisecond. Gives the part that turns had. */
async function shareOfTurns(others: number): Promise<number> {
  const clock = createManualClock()
  let [idle, paced, total] = [0, 0, 0]
  const pace = createPace({ clock, idleMs: () => idle })
  let isRunning = true
  const follower = (async () => {
    while (isRunning) {
      await pace.turn()
      clock.advance(0.25)
      paced += 0.25
      total += 0.25
    }
  })()
  while (total < 500) {
    await nextTurn()
    idle += (1 - others) / 4
    total += 0.25
    clock.advance(0.25)
  }
  isRunning = false
  for (let turn = 0; turn < 20; turn += 1) {
    clock.advance(10)
    await nextTurn()
  }
  await follower
  return paced / total
}

describe('pace', () => {
  it('gives turns in the order in which they were asked for', async () => {
    const pace = createPace({ clock: createManualClock() })
    const order: number[] = []
    await Promise.all(Array.from({ length: 10 }, (_, index) => pace.turn().then(() => order.push(index))))
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert.equal(pace.waiting(), 0)
  })

  it('gives slices of several turns, so that other work is looked at in between', async () => {
    const pace = createPace({ clock: createManualClock() })
    const given = new Set<number>()
    let done = 0
    const all = Array.from({ length: 200 }, () => pace.turn().then(() => (done += 1)))
    while (done < 200) {
      await nextTurn()
      given.add(done)
    }
    await Promise.all(all)
    assert.ok(given.size > 5 && given.size < 60, [...given].join())
  })

  it('takes little while others keep the loop busy, and more the less they do', async () => {
    const [alone, half, crowded] = [await shareOfTurns(0), await shareOfTurns(0.5), await shareOfTurns(1)]
    assert.ok(crowded > 0.05 && crowded <= 0.12, `${crowded}`)
    assert.ok(half > crowded && half < 0.35, `${half}`)
    assert.ok(alone > 0.4, `${alone}`)
  })
})
