/** Gossip, forward, retry, prune: with a peer of the seed's kind. */
import assert from 'node:assert/strict'
import { assertRefused, blobOf, callsTo, createPerson, gossip, logIn, poll, send } from './client.ts'
import type { Peer, Rule, Subject } from './subject.ts'

const minute = 60_000

const forward = (relay: Subject, toKey: string, text: string) =>
  relay.call('/federation/forward', { toKey, encryptedBlob: blobOf(text) }, { address: '203.0.113.77' })

/** A peer that the relay knows, because somebody is there. */
async function knownPeer(relay: Subject): Promise<Peer> {
  const peer = await relay.peer()
  assert.equal((await gossip(relay, peer, [['online', createPerson().key]])).status, 200)
  await relay.pass(1000)
  return peer
}

const forwardsOf = (peer: Peer) => callsTo(peer, '/federation/forward')
const eventsAt = (peer: Peer) =>
  callsTo(peer, '/federation/gossip').flatMap(({ events, fromServer }) => {
    assert.ok(Array.isArray(events))
    return events.map((event: { eventType: string; pubkey: string }) => [
      fromServer,
      event.eventType,
      event.pubkey,
    ])
  })

export const meshRules: readonly Rule[] = [
  {
    title: 'gossip is answered {}',
    run: async relay => {
      const answer = await gossip(relay, await relay.peer(), [['online', createPerson().key]])
      assert.equal(answer.status, 200)
      assert.equal(answer.text, '{}')
    },
  },
  {
    title: 'gossip in this relay’s own name is 400 invalid_request',
    run: async relay => {
      const own = { name: relay.serverHost, address: '203.0.113.9' }
      assertRefused(await gossip(relay, own, []), 400, 'invalid_request')
    },
  },
  {
    title: 'gossip from a name that is private, reserved or no name is 400 invalid_request',
    virtual: true,
    run: async relay => {
      const names =
        'localhost 127.0.0.1 10.1.2.3 192.168.0.7:8080 169.254.169.254 0.0.0.0 a.localhost a.local db.internal ' +
        '1.in-addr.arpa hidden.onion .example :80 [::1] ::1 a.example:80:80 a_b.example a.example/x user@a.example'
      for (const name of ['', 'a b.example', ...names.split(' ')]) {
        const answer = await gossip(relay, { name, address: '203.0.113.9' }, [])
        assertRefused(answer, 400, 'invalid_request')
      }
    },
  },
  {
    title: 'gossip from a name that is not in its own lower case, or too long, is 400',
    run: async relay => {
      for (const fromServer of ['A.example', 'a.example.', `${'a'.repeat(125)}.org`]) {
        const answer = await relay.call('/federation/gossip', { events: [], fromServer })
        const text = "validation error: field 'fromServer' does not satisfy 'ServerName' constraint"
        assertRefused(answer, 400, text)
      }
    },
  },
  {
    title: 'gossip of a hundred events is taken, of a hundred and one is 400 invalid_request',
    run: async relay => {
      const peer = await relay.peer()
      const events = Array.from({ length: 101 }, () => ['online', createPerson().key] as const)
      assert.equal((await gossip(relay, peer, events.slice(1))).status, 200)
      assertRefused(await gossip(relay, peer, events), 400, 'invalid_request')
    },
  },
  {
    title: 'an event of an unknown type is ignored, but must have a key',
    run: async relay => {
      const peer = await relay.peer()
      assert.equal((await gossip(relay, peer, [['dancing', createPerson().key]])).status, 200)
      assert.equal((await gossip(relay, peer, [['dancing', 'nobody']])).status, 400)
      assert.equal((await gossip(relay, peer, [['online', '']])).status, 400)
    },
  },
  {
    title: 'a forward to a key that is not here is 404 no_presence, also when it is elsewhere',
    run: async relay => {
      const bert = createPerson()
      assertRefused(await forward(relay, bert.key, 'x'), 404, 'no_presence')
      await gossip(relay, await relay.peer(), [['online', bert.key]])
      assertRefused(await forward(relay, bert.key, 'x'), 404, 'no_presence')
    },
  },
  {
    title: 'a forward to a key that is here is {}, and is polled like other mail',
    run: async relay => {
      const bert = await logIn(relay, createPerson())
      const answer = await forward(relay, bert.person.key, 'from afar')
      assert.equal(answer.status, 200, answer.text)
      assert.equal(answer.text, '{}')
      assert.deepEqual((await poll(relay, bert, 0)).texts, ['from afar'])
    },
  },
  {
    title: 'a login is told to every known peer, once each',
    run: async relay => {
      const peers = [await knownPeer(relay), await knownPeer(relay)]
      const person = createPerson()
      await logIn(relay, person)
      await relay.pass(1000)
      for (const peer of peers) {
        const about = eventsAt(peer).filter(([, , key]) => key === person.key)
        assert.deepEqual(about, [[relay.serverHost, 'online', person.key]])
      }
    },
  },
  {
    title: 'mail for a key that is at a peer is forwarded at once, as toKey and encryptedBlob',
    run: async relay => {
      const [anna, bert] = [await logIn(relay, createPerson()), createPerson()]
      const peer = await relay.peer()
      await gossip(relay, peer, [['online', bert.key]])
      await relay.pass(1000)
      await send(relay, anna, [[bert, 'one']])
      await relay.pass(1000)
      assert.deepEqual(forwardsOf(peer), [{ encryptedBlob: blobOf('one'), toKey: bert.key }])
    },
  },
  {
    title: 'mail that was forwarded also stays here for its recipient',
    run: async relay => {
      const [anna, bert] = [await logIn(relay, createPerson()), createPerson()]
      const peer = await relay.peer()
      await gossip(relay, peer, [['online', bert.key]])
      await relay.pass(1000)
      await send(relay, anna, [[bert, 'one']])
      await relay.pass(1000)
      assert.equal(forwardsOf(peer).length, 1)
      assert.deepEqual((await poll(relay, await logIn(relay, bert), 0)).texts, ['one'])
    },
  },
  {
    title: 'mail that waited is forwarded, oldest first, when its key shows up at a peer',
    virtual: true,
    run: async relay => {
      const [anna, bert] = [await logIn(relay, createPerson()), createPerson()]
      await send(relay, anna, [[bert, 'one']])
      await send(relay, anna, [[bert, 'two']])
      const peer = await relay.peer()
      await gossip(relay, peer, [['online', bert.key]])
      await relay.pass(31_000)
      const blobs = forwardsOf(peer).map(body => body['encryptedBlob'])
      assert.deepEqual(blobs, [blobOf('one'), blobOf('two')])
    },
  },
  {
    title: 'mail that a peer took is not forwarded to it again when its key shows up anew',
    virtual: true,
    run: async relay => {
      const [anna, bert] = [await logIn(relay, createPerson()), createPerson()]
      const peer = await relay.peer()
      await gossip(relay, peer, [['online', bert.key]])
      await relay.pass(1000)
      await send(relay, anna, [[bert, 'one']])
      await relay.pass(1000)
      await gossip(relay, peer, [['offline', bert.key]])
      await gossip(relay, peer, [['online', bert.key]])
      await relay.pass(61_000)
      assert.equal(forwardsOf(peer).length, 1)
    },
  },
  {
    title: 'after offline, and after ninety minutes without online, mail stays here',
    virtual: true,
    run: async relay => {
      const [bert, carl] = [createPerson(), createPerson()]
      const peer = await relay.peer()
      await gossip(relay, peer, [
        ['online', bert.key],
        ['online', carl.key],
      ])
      await gossip(relay, peer, [['offline', bert.key]])
      const anna = await logIn(relay, createPerson())
      await send(relay, anna, [[bert, 'one']])
      await relay.pass(91 * minute)
      const again = await logIn(relay, anna.person)
      await send(relay, again, [[carl, 'two']])
      await relay.pass(minute)
      assert.deepEqual(forwardsOf(peer), [])
    },
  },
  {
    title: 'of online and offline in one gossip, online holds',
    run: async relay => {
      const [anna, bert] = [await logIn(relay, createPerson()), createPerson()]
      const peer = await relay.peer()
      await gossip(relay, peer, [
        ['online', bert.key],
        ['offline', bert.key],
      ])
      await relay.pass(1000)
      await send(relay, anna, [[bert, 'one']])
      await relay.pass(1000)
      assert.equal(forwardsOf(peer).length, 1)
    },
  },
  {
    title: 'a forward that failed is tried again until it is taken',
    virtual: true,
    run: async relay => {
      const [anna, bert] = [await logIn(relay, createPerson()), createPerson()]
      const peer = await relay.peer()
      await gossip(relay, peer, [['online', bert.key]])
      await relay.pass(1000)
      peer.answers = () => ({ status: 500, body: '{"error":"x"}' })
      await send(relay, anna, [[bert, 'one']])
      await relay.pass(1000)
      const tries = forwardsOf(peer).length
      assert.ok(tries >= 1)
      peer.answers = () => ({ status: 200, body: '{}' })
      await relay.pass(4 * minute)
      assert.equal(forwardsOf(peer).length, tries + 1)
    },
  },
  {
    title: 'mail that was acked here is not forwarded any more',
    virtual: true,
    run: async relay => {
      const [anna, bert] = [await logIn(relay, createPerson()), createPerson()]
      const peer = await relay.peer()
      await gossip(relay, peer, [['online', bert.key]])
      await relay.pass(1000)
      peer.answers = undefined
      await send(relay, anna, [[bert, 'one']])
      await relay.pass(1000)
      const hers = await logIn(relay, bert)
      const { cursor } = await poll(relay, hers, 0)
      relay.begin('/poll', { cursor }, hers.options)
      await relay.pass(1000)
      peer.answers = () => ({ status: 200, body: '{}' })
      peer.calls.length = 0
      await relay.pass(20 * minute)
      assert.deepEqual(forwardsOf(peer), [])
    },
  },
  {
    title: 'what a peer forwarded is not forwarded on to a third',
    virtual: true,
    run: async relay => {
      const bert = await logIn(relay, createPerson())
      const third = await relay.peer()
      await gossip(relay, third, [['online', bert.person.key]])
      await relay.pass(1000)
      assert.equal((await forward(relay, bert.person.key, 'once')).status, 200)
      await relay.pass(1000)
      assert.deepEqual(forwardsOf(third), [])
    },
  },
  {
    title: 'who polls is told to peers as online every half hour',
    virtual: true,
    run: async relay => {
      const peer = await knownPeer(relay)
      const bert = await logIn(relay, createPerson())
      await relay.pass(1000)
      const before = eventsAt(peer).length
      await relay.pass(31 * minute)
      relay.begin('/poll', { cursor: 0 }, bert.options)
      await relay.pass(1000)
      const after = eventsAt(peer).slice(before)
      assert.deepEqual(
        after.filter(([, type, key]) => type === 'online' && key === bert.person.key).length >= 1,
        true,
      )
    },
  },
  {
    title: 'peers are told offline when the presence of a key is over',
    virtual: true,
    run: async relay => {
      const peer = await relay.peer()
      const bert = await logIn(relay, createPerson())
      await relay.pass(30 * minute)
      await gossip(relay, peer, [['online', createPerson().key]])
      await relay.pass(33 * minute)
      const about = eventsAt(peer).filter(([, type, key]) => type === 'offline' && key === bert.person.key)
      assert.equal(about.length, 1)
    },
  },
  {
    title: 'a relay that does not federate neither gossips nor forwards',
    virtual: true,
    constants: { federationEnabled: false },
    run: async relay => {
      const [anna, bert] = [await logIn(relay, createPerson()), createPerson()]
      const peer = await relay.peer()
      await gossip(relay, peer, [['online', bert.key]])
      await send(relay, anna, [[bert, 'one']])
      await logIn(relay, createPerson())
      await relay.pass(2 * minute)
      assert.deepEqual(peer.calls, [])
    },
  },
]
