/** What the seed's server does and ours must not: rules of the model alone, so that the model is known to be exact. */
import assert from 'node:assert/strict'
import { blobOf, callsTo, createPerson, gossip, logIn, poll, send } from './client.ts'
import type { Rule } from './subject.ts'

const minute = 60_000

export const seedWeaknesses: readonly Rule[] = [
  {
    title: 'the limit of challenges is the named key’s, whoever names it',
    virtual: true,
    run: async relay => {
      const { key } = createPerson()
      for (let count = 0; count < 10; count += 1)
        await relay.call('/auth/challenge', { pubkey: key }, { address: '198.51.100.66' })
      const hers = await relay.call('/auth/challenge', { pubkey: key }, { address: '198.51.100.1' })
      assert.equal(hers.status, 429)
    },
  },
  {
    title: 'a page whose numbers lie ahead of the clock comes again, although it was acked',
    virtual: true,
    run: async relay => {
      const [anna, bert] = [await logIn(relay, createPerson()), await logIn(relay, createPerson())]
      for (let batch = 0; batch < 40; batch += 1) {
        const messages = Array.from({ length: 100 }, (_, at) => ({
          to: bert.person.key,
          encryptedBlob: blobOf(`${batch} ${at}`),
        }))
        relay.begin('/messages', { messages }, anna.options)
      }
      await relay.pass(100)
      let page = await poll(relay, bert, 0)
      for (let count = 0; count < 30; count += 1) page = await poll(relay, bert, page.cursor)
      const again = await poll(relay, bert, page.cursor)
      assert.ok(again.texts.some(text => page.texts.includes(text)))
    },
  },
  {
    title: 'a blob that a peer forwards twice comes twice',
    virtual: true,
    run: async relay => {
      const bert = await logIn(relay, createPerson())
      const body = { toKey: bert.person.key, encryptedBlob: 'abcd' }
      await relay.call('/federation/forward', body)
      const first = await poll(relay, bert, 0)
      await relay.call('/federation/forward', body)
      const second = await poll(relay, bert, first.cursor)
      assert.deepEqual(second.texts, first.texts)
    },
  },
  {
    title: 'a forward that failed ten times is given up',
    virtual: true,
    run: async relay => {
      const bert = createPerson()
      const peer = await relay.peer()
      await gossip(relay, peer, [['online', bert.key]])
      peer.answers = () => ({ status: 500, body: '{}' })
      await send(relay, await logIn(relay, createPerson()), [[bert, 'one']])
      for (let half = 0; half < 8; half += 1) {
        await relay.pass(20 * minute)
        await gossip(relay, peer, [['online', bert.key]])
      }
      const tries = callsTo(peer, '/federation/forward').length
      assert.equal(tries, 11)
      await relay.pass(20 * minute)
      assert.equal(callsTo(peer, '/federation/forward').length, tries)
    },
  },
  {
    title: 'one absent key silences a peer for all',
    virtual: true,
    run: async relay => {
      const [bert, carl] = [createPerson(), createPerson()]
      const peer = await relay.peer()
      await gossip(relay, peer, [['online', bert.key]])
      peer.answers = () => ({ status: 404, body: '{"error":"no_presence"}' })
      const anna = await logIn(relay, createPerson())
      await send(
        relay,
        anna,
        Array.from({ length: 20 }, (_, at) => [bert, `m${at}`] as const),
      )
      await relay.pass(2 * minute)
      const before = peer.calls.length
      await logIn(relay, carl)
      await relay.pass(minute)
      assert.equal(peer.calls.length, before)
    },
  },
  {
    title:
      'more than a hundred people whose presence ends at once are told in one gossip that every peer refuses',
    virtual: true,
    run: async relay => {
      const peer = await relay.peer()
      for (let count = 0; count < 101; count += 1) await logIn(relay, createPerson())
      await relay.pass(50 * minute)
      await gossip(relay, peer, [['online', createPerson().key]])
      await relay.pass(15 * minute)
      const sizes = callsTo(peer, '/federation/gossip').map(({ events }) =>
        Array.isArray(events) ? events.length : 0,
      )
      assert.ok(Math.max(...sizes) > 100, `${sizes}`)
    },
  },
]
