/** Clients under faults: answers lost before and after, relays that restart, clients that die and come back on their store. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestRelay } from '../../../server/skrepka/test-relay.ts'
import type { Store } from './store.ts'
import { createMemoryStore } from './memory-store.ts'
import { createNetwork, type Network, testClient, type TestClient, until } from './test-client.ts'

const names = ['here.example', 'there.example'] as const
const seeds = Array.from({ length: Number(process.env['LEAF_SKREPKA_FAULTS'] ?? 6) }, (_, at) => at + 1)
const stepsMax = 60
const quietStepsMax = 400

/** A small generator of numbers from 0 to 1 (mulberry32): the same for a seed. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A network that fails while `faulty`: calls that do not arrive, and answers that do not. */
function faultyNetwork(network: Network, roll: () => number, faulty: () => boolean): Network['fetch'] {
  return async (url, init) => {
    if (faulty() && roll() < 0.15) throw new TypeError('it did not arrive')
    const answer = await network.fetch(url, init)
    if (faulty() && roll() < 0.25) throw new TypeError('the answer was lost')
    return answer
  }
}

for (const seed of seeds) {
  test(`whatever fails, each message arrives exactly once (seed ${seed})`, { timeout: 60_000 }, async t => {
    const roll = dice(seed)
    const one = await startTestRelay()
    const two = await startTestRelay({ rest: { serverHost: names[1], clock: one.clock } })
    const network = createNetwork()
    network.relays.set(names[0], one.relay)
    network.relays.set(names[1], two.relay)
    let faulty = true
    const fetch = faultyNetwork(network, roll, () => faulty)
    const stores: readonly [Store, Store] = [createMemoryStore(), createMemoryStore()]
    const open = (who: 0 | 1) =>
      testClient(who + 1, { network, fetch, clock: one.clock, relays: names, store: stores[who] })
    const clients: [TestClient, TestClient] = [open(0), open(1)]
    t.after(async () => {
      for (const client of clients) await client.stop()
      await one.stop()
      await two.stop()
    })
    const keys = [clients[0].identity.key, clients[1].identity.key] as const
    for (const who of [0, 1] as const) {
      await clients[who].contacts.add({ key: keys[who === 0 ? 1 : 0], relays: [] })
      await clients[who].start()
    }
    const written: [string[], string[]] = [[], []]
    const letTimePass = async (ms: number) => {
      one.clock.advance(ms)
      for (let turn = 0; turn < 15; turn += 1) await new Promise(resolve => setImmediate(resolve))
    }
    for (let step = 0; step < stepsMax; step += 1) {
      const who = roll() < 0.5 ? 0 : 1
      const chance = roll()
      if (chance < 0.5) {
        const text = `${who} says ${step}`
        await clients[who].conversations.sendText(keys[who === 0 ? 1 : 0], text)
        written[who].push(text)
      } else if (chance < 0.6) {
        // It dies wherever it is, and comes back on what was durable.
        await clients[who].stop()
        clients[who] = open(who)
        await clients[who].start()
      } else if (chance < 0.7) {
        network.relays.set(names[0], await one.again())
      } else await letTimePass(Math.floor(roll() * 40_000))
    }
    faulty = false
    const seen = async (who: 0 | 1) => {
      const messages = await clients[who].conversations.list(keys[who === 0 ? 1 : 0], { limit: 500 })
      return messages.filter(({ mine }) => !mine).map(({ body }) => body)
    }
    const done = async (who: 0 | 1) => {
      const messages = await clients[who].conversations.list(keys[who === 0 ? 1 : 0], { limit: 500 })
      return messages.every(({ mine, state }) => !mine || state === 'delivered')
    }
    let steps = 0
    await until(async () => {
      for (const client of clients) client.nudge()
      await letTimePass(2000)
      steps += 1
      return steps > quietStepsMax || ((await done(0)) && (await done(1)))
    })
    assert.deepEqual((await seen(1)).toSorted(), written[0].toSorted(), `seed ${seed}`)
    assert.deepEqual((await seen(0)).toSorted(), written[1].toSorted(), `seed ${seed}`)
    assert.ok((await done(0)) && (await done(1)), `seed ${seed}: every receipt came`)
  })
}
