import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { Refusal } from '../../kernel/errors.ts'
import { batchIdEventsKept } from '../database/batches.ts'
import { idxMax, idxOf, lastPlaceOf, placeOf, streamIdMax } from '../database/place.ts'
import { createAppendBudget } from './append-queue.ts'
import { createLane } from './lane.ts'
import { createSemaphore } from './semaphore.ts'
import { createTestHosts } from './test-hosts.ts'
import { alice, bob, bytes, openHouse, queryOf, refusal, server, until } from './test-house.ts'

const mebibyte = 1024 * 1024

describe('what waits to be stored', () => {
  const take = (budget: ReturnType<typeof createAppendBudget>, stream: string, owner: string, size: number) =>
    budget.take({ stream, owner, bytes: size })
  const refused = (fn: () => unknown, text: RegExp) =>
    assert.throws(fn, (error: unknown) => {
      assert.ok(error instanceof Refusal)
      assert.equal(error.code, 'unavailable')
      assert.match(error.message, text)
      return true
    })

  it('is bounded for a stream, in batches and in bytes', () => {
    const budget = createAppendBudget()
    for (let count = 0; count < 2000; count += 1) take(budget, 's', 'o', 1)
    refused(() => take(budget, 's', 'o', 1), /this stream/)
    take(budget, 't', 'o', 16 * mebibyte)
    refused(() => take(budget, 't', 'o', 1), /this stream/)
  })

  it('is bounded for an owner and for the house, and what is done makes room', () => {
    const budget = createAppendBudget()
    const first = take(budget, 'a', 'o', 16 * mebibyte)
    take(budget, 'b', 'o', 16 * mebibyte)
    refused(() => take(budget, 'c', 'o', 1), /this owner/)
    first()
    take(budget, 'c', 'o', 1)
    for (let count = 0; count < 7; count += 1) take(budget, `d${count}`, `p${count}`, 16 * mebibyte - 1)
    refused(() => take(budget, 'e', 'q', 16 * mebibyte), /this server/)
    assert.equal(budget.ofOwner('o'), 16 * mebibyte + 1)
  })
})

describe('a lane', () => {
  it('refuses readers when a thousand wait, and lets writers wait', async () => {
    const lane = createLane()
    const end = Promise.withResolvers<void>()
    const all = [lane.exclusive(() => end.promise)]
    for (let count = 0; count < 1000; count += 1) all.push(lane.shared(async () => undefined))
    await assert.rejects(
      lane.shared(async () => undefined),
      /too many requests wait for this stream/,
    )
    all.push(lane.exclusive(async () => undefined))
    end.resolve()
    await Promise.all(all)
    assert.ok(lane.isIdle())
  })
})

describe('a semaphore', () => {
  it('lets so many run, and the next when one ends, however it ends', async () => {
    const semaphore = createSemaphore(2)
    let running = 0
    let most = 0
    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4, 5, 6].map(item =>
        semaphore.run(async () => {
          running += 1
          most = Math.max(most, running)
          await Promise.resolve()
          running -= 1
          if (item % 2 === 0) throw new Error('even')
        }),
      ),
    )
    assert.equal(most, 2)
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 3)
  })
})

describe('a place', () => {
  it('holds a stream and an idx, in order, up to their bounds', () => {
    assert.equal(idxOf(placeOf(3, 7)), 7)
    assert.ok(placeOf(3, idxMax) < placeOf(4, 0))
    assert.equal(lastPlaceOf(3), placeOf(3, idxMax))
    assert.equal(placeOf(streamIdMax, idxMax), Number.MAX_SAFE_INTEGER)
    assert.throws(() => placeOf(1, idxMax + 1), /at most 4294967295 events/)
    assert.throws(() => placeOf(streamIdMax + 1, 1), /has had 2097151 streams/)
  })
})

describe('an append', async () => {
  const house = await openHouse(createTestHosts)
  after(() => house.close())

  it('with an id is remembered for ten thousand events, and the id is its user’s own', async () => {
    const { engine } = house
    const stream = await house.create()
    const send = (batchId: string, caller = alice) =>
      engine.append({ stream, caller, events: [bytes('x')], batchId })
    const fill = async (count: number) => {
      for (let left = count; left > 0; left -= 500) {
        const events = Array.from({ length: Math.min(500, left) }, () => bytes('y'))
        await engine.append({ stream, caller: alice, events, batchId: `fill ${left} ${count}` })
      }
    }
    assert.deepEqual(await send('a'), { firstIdx: 1, lastIdx: 1 })
    assert.deepEqual(await send('a', bob), { firstIdx: 2, lastIdx: 2 })
    await fill(batchIdEventsKept - 2)
    assert.deepEqual(await send('a'), { firstIdx: 1, lastIdx: 1 })
    await fill(3)
    const again = await send('a')
    assert.equal(again.firstIdx, batchIdEventsKept + 4)
    for (const id of ['', 'x'.repeat(65), '\0']) assert.equal((await refusal(send(id))).code, 'invalid')
  })

  it('of a server that stops: what is under way is stored and answered, nothing more is taken on', async () => {
    const { engine, hosts } = house.again()
    const stream = await house.create('stopping', server)
    const preparing = Promise.withResolvers<void>()
    let begun = false
    hosts.hooks.prepare = () => {
      begun = true
      return preparing.promise
    }
    const under = engine.append({ stream, caller: alice, events: [bytes('a')] })
    await until(() => begun)
    const stopped = engine.stop()
    assert.equal(
      (await refusal(engine.append({ stream, caller: bob, events: [bytes('b')] }))).code,
      'unavailable',
    )
    preparing.resolve()
    await stopped
    assert.deepEqual(await under, { firstIdx: 1, lastIdx: 1 })
    assert.equal((await engine.query(bob, stream, queryOf('all'))).count, 1)
  })
})
