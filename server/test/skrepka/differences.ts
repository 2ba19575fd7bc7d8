/** Where ours answers otherwise than the seed's server, on purpose: by the title of the rule, with the reason. */
import assert from 'node:assert/strict'
import {
  beginPoll,
  blobOf,
  callsTo,
  challengeOf,
  createPerson,
  gossip,
  logIn,
  pageOf,
  poll,
  send,
} from './client.ts'
import type { Difference } from './subject.ts'

const tenDaysMs = 864_000_000

export const differences: Readonly<Record<string, Difference>> = {
  'of a key’s challenges the newest five stand': {
    why: 'challenges are not kept, so nobody can push out somebody else’s; how many are asked for is counted',
    run: async relay => {
      const person = createPerson()
      const first = await challengeOf(relay, person)
      for (let count = 0; count < 4; count += 1) await challengeOf(relay, person)
      const body = {
        pubkey: person.key,
        challenge: first,
        signature: person.sign(first),
        revokeOthers: false,
      }
      assert.equal((await relay.call('/auth/verify', body)).status, 200)
    },
  },
  'a cursor from elsewhere deletes what lies below it': {
    why: 'only a cursor that this mailbox gave acks: what was never shown is not deleted',
    run: async relay => {
      const [anna, bert] = [await logIn(relay, createPerson()), await logIn(relay, createPerson())]
      await send(relay, anna, [[bert.person, 'unseen']])
      await relay.pass(1000)
      const foreign = relay.now()
      const page = await poll(relay, bert, foreign)
      assert.deepEqual(page.texts, ['unseen'])
      assert.ok(page.cursor > foreign)
    },
  },
  'a cursor of the future is answered with the clock’s': {
    why: 'a mailbox gives its own numbers, and never one that a client made up',
    run: async relay => {
      const [anna, bert] = [await logIn(relay, createPerson()), await logIn(relay, createPerson())]
      const pending = beginPoll(relay, bert, relay.now() + tenDaysMs)
      await relay.pass(1000)
      await send(relay, anna, [[bert.person, 'now']])
      assert.deepEqual(pageOf(await pending.settled).texts, ['now'])
    },
  },
  'a blob that is sent again after its ack comes again': {
    why: 'a sender’s retry and two relays that forward to each other bring nothing twice',
    run: async relay => {
      const [anna, bert] = [await logIn(relay, createPerson()), await logIn(relay, createPerson())]
      await send(relay, anna, [[bert.person, 'again']])
      const { cursor } = await poll(relay, bert, 0)
      const pending = beginPoll(relay, bert, cursor)
      await relay.pass(100)
      await send(relay, anna, [[bert.person, 'again']])
      await relay.pass(500)
      assert.equal(pending.answer()?.text, undefined)
    },
  },
  'mail that waited is forwarded, oldest first, when its key shows up at a peer': {
    why: 'a peer gets several calls at a time, so that one slow one holds up nobody',
    run: async relay => {
      const [anna, bert] = [await logIn(relay, createPerson()), createPerson()]
      await send(relay, anna, [[bert, 'one']])
      await send(relay, anna, [[bert, 'two']])
      const peer = await relay.peer()
      await gossip(relay, peer, [['online', bert.key]])
      await relay.pass(31_000)
      const blobs = callsTo(peer, '/federation/forward').map(body => body['encryptedBlob'])
      assert.deepEqual(blobs.toSorted(), [blobOf('one'), blobOf('two')])
    },
  },
  'who polls is told to peers as online every half hour': {
    why: 'presence lasts as long as the session that shows it, which is told at the login and less than peers believe it',
    run: async relay => {
      const peer = await relay.peer()
      await gossip(relay, peer, [['online', createPerson().key]])
      const bert = await logIn(relay, createPerson())
      await relay.pass(50 * 60_000)
      await logIn(relay, bert.person)
      await relay.pass(1000)
      const tellings = callsTo(peer, '/federation/gossip').filter(({ events }) =>
        JSON.stringify(events).includes(bert.person.key),
      )
      assert.ok(tellings.length >= 2, `${tellings.length}`)
    },
  },
  'a relay that does not federate neither gossips nor forwards': {
    why: 'and it says so to those who ask it to',
    run: async relay => {
      const peer = await relay.peer()
      const refused = await gossip(relay, peer, [['online', createPerson().key]])
      assert.equal(refused.status, 403)
      assert.equal(refused.json?.['error'], 'federation_disabled')
      const body = { toKey: createPerson().key, encryptedBlob: 'ab' }
      assert.equal((await relay.call('/federation/forward', body)).status, 403)
      await relay.pass(120_000)
      assert.deepEqual(peer.calls, [])
    },
  },
}
