import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, it } from 'node:test'
import { createManualClock } from './clock.ts'
import { createPace } from './pace.ts'

describe('pace', () => {
  it('gives turns in the order in which they were asked for', async () => {
    const pace = createPace({ clock: createManualClock(), turnsPerSlice: 3 })
    const order: number[] = []
    await Promise.all(Array.from({ length: 10 }, (_, index) => pace.turn().then(() => order.push(index))))
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert.equal(pace.waiting(), 0)
  })

  it('gives a slice a round, so that other work is looked at in between', async () => {
    const pace = createPace({ clock: createManualClock(), turnsPerSlice: 4 })
    const given: number[] = []
    let done = 0
    const all = Array.from({ length: 12 }, () => pace.turn().then(() => (done += 1)))
    while (done < 12) {
      await nextTurn()
      given.push(done)
    }
    await Promise.all(all)
    assert.deepEqual(
      [...new Set(given)].filter(count => count > 0),
      [4, 8, 12],
    )
  })

  it('takes no more than its share while the loop is busy with other things', async () => {
    const clock = createManualClock()
    const pace = createPace({ clock, share: 0.2, turnsPerSlice: 1 })
    let [paced, elsewhere] = [0, 0]
    let running = true
    const follower = (async () => {
      while (running) {
        await pace.turn()
        clock.advance(2)
        paced += 2
      }
    })()
    while (elsewhere < 400) {
      await nextTurn()
      clock.advance(4)
      elsewhere += 4
    }
    running = false
    await follower
    assert.ok(paced <= 0.2 * (paced + elsewhere) + 4, `${paced} ms of ${paced + elsewhere}`)
    assert.ok(paced >= 0.1 * (paced + elsewhere), `${paced} ms of ${paced + elsewhere}`)
  })

  it('takes what nobody else needs', async () => {
    const clock = createManualClock()
    const pace = createPace({ clock, share: 0.2, turnsPerSlice: 1 })
    let rounds = 0
    let turns = 0
    const follower = (async () => {
      while (turns < 50) {
        await pace.turn()
        clock.advance(5)
        turns += 1
      }
    })()
    while (turns < 50) {
      await nextTurn()
      rounds += 1
    }
    await follower
    assert.ok(rounds < 200, `${rounds} rounds`)
  })
})
