/** Send, poll, ack. */
import assert from 'node:assert/strict'
import {
  assertRefused,
  beginPoll,
  blobOf,
  createPerson,
  logIn,
  pageOf,
  poll,
  send,
  type Session,
} from './client.ts'
import type { Rule, Subject } from './subject.ts'

const day = 86_400_000

const twoPeople = async (relay: Subject): Promise<readonly [Session, Session]> => [
  await logIn(relay, createPerson()),
  await logIn(relay, createPerson()),
]

/** Asserts that nothing waits for her: her poll is held. */
async function assertHeld(relay: Subject, session: Session, cursor: number): Promise<void> {
  const pending = beginPoll(relay, session, cursor)
  await relay.pass(200)
  assert.equal(pending.answer()?.text, undefined)
}

export const mailRules: readonly Rule[] = [
  {
    title: 'what was sent is polled, in the order of sending, by its recipient only',
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      await send(relay, anna, [
        [bert.person, 'one'],
        [bert.person, 'two'],
      ])
      await send(relay, anna, [[bert.person, 'three']])
      assert.deepEqual((await poll(relay, bert, 0)).texts, ['one', 'two', 'three'])
      await assertHeld(relay, anna, 0)
    },
  },
  {
    title: 'an answer of messages is exactly {}',
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      const body = { messages: [{ to: bert.person.key, encryptedBlob: '00' }] }
      assert.equal((await relay.call('/messages', body, anna.options)).text, '{}')
    },
  },
  {
    title: 'an empty batch is 200',
    run: async relay => {
      const anna = await logIn(relay, createPerson())
      assert.equal((await relay.call('/messages', { messages: [] }, anna.options)).text, '{}')
    },
  },
  {
    title: 'a batch of a hundred is taken, one of a hundred and one is 413 batch_too_large',
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      const batch = (count: number) => ({
        messages: Array.from({ length: count }, (_, at) => ({
          to: bert.person.key,
          encryptedBlob: blobOf(`${at}`),
        })),
      })
      assert.equal((await relay.call('/messages', batch(100), anna.options)).status, 200)
      assertRefused(await relay.call('/messages', batch(101), anna.options), 413, 'batch_too_large')
    },
  },
  {
    title: 'a message to oneself refuses its whole batch with 400 self_send',
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      const messages = [bert, anna].map(({ person }) => ({ to: person.key, encryptedBlob: '00' }))
      assertRefused(await relay.call('/messages', { messages }, anna.options), 400, 'self_send')
      await assertHeld(relay, bert, 0)
    },
  },
  {
    title: 'the session is checked before the size of the batch, and that before self_send',
    run: async relay => {
      const anna = await logIn(relay, createPerson())
      const messages = Array.from({ length: 101 }, () => ({ to: anna.person.key, encryptedBlob: '00' }))
      assertRefused(await relay.call('/messages', { messages }), 401, 'unauthorized')
      assertRefused(await relay.call('/messages', { messages }, anna.options), 413, 'batch_too_large')
    },
  },
  {
    title: 'mail waits for a key that was never seen',
    run: async relay => {
      const anna = await logIn(relay, createPerson())
      const bert = createPerson()
      await send(relay, anna, [[bert, 'early']])
      assert.deepEqual((await poll(relay, await logIn(relay, bert), 0)).texts, ['early'])
    },
  },
  {
    title: 'a page that was not acked comes again, whole, with the same cursor',
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      await send(relay, anna, [[bert.person, 'one']])
      assert.deepEqual(await poll(relay, bert, 0), await poll(relay, bert, 0))
    },
  },
  {
    title: 'the cursor of a page acks it: it never comes again, whatever cursor is asked',
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      await send(relay, anna, [[bert.person, 'one']])
      const { cursor } = await poll(relay, bert, 0)
      await assertHeld(relay, bert, cursor)
      await assertHeld(relay, bert, 0)
    },
  },
  {
    title: 'cursors grow, and mail after an ack lies above it',
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      await send(relay, anna, [[bert.person, 'one']])
      const first = await poll(relay, bert, 0)
      await send(relay, anna, [[bert.person, 'two']])
      const second = await poll(relay, bert, first.cursor)
      assert.deepEqual(second.texts, ['two'])
      assert.ok(second.cursor > first.cursor)
    },
  },
  {
    title: 'cursor 0 and negative ones ack nothing',
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      await send(relay, anna, [[bert.person, 'one']])
      for (const cursor of [0, -1, -1e15]) assert.deepEqual((await poll(relay, bert, cursor)).texts, ['one'])
    },
  },
  {
    title: 'a page holds fifty, and its cursor is that of its last',
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      const texts = Array.from({ length: 70 }, (_, at) => `message ${at}`)
      await send(
        relay,
        anna,
        texts.map(text => [bert.person, text] as const),
      )
      await relay.pass(200)
      const first = await poll(relay, bert, 0)
      assert.deepEqual(first.texts, texts.slice(0, 50))
      const second = await poll(relay, bert, first.cursor)
      assert.deepEqual(second.texts, texts.slice(50))
    },
  },
  {
    title: 'equal blobs in one page are one event',
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      await send(relay, anna, [
        [bert.person, 'same'],
        [bert.person, 'same'],
      ])
      assert.deepEqual((await poll(relay, bert, 0)).texts, ['same'])
    },
  },
  {
    title: 'a poll without mail is held, and mail answers it at once',
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      const pending = beginPoll(relay, bert, 0)
      await relay.pass(300)
      assert.equal(pending.answer(), undefined)
      await send(relay, anna, [[bert.person, 'one']])
      await relay.pass(200)
      const answer = pending.answer()
      assert.ok(answer !== undefined)
      assert.deepEqual(pageOf(answer).texts, ['one'])
    },
  },
  {
    title: 'every parallel poll of a key is answered with the same mail',
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      const polls = [beginPoll(relay, bert, 0), beginPoll(relay, bert, 0)]
      await relay.pass(200)
      await send(relay, anna, [[bert.person, 'one']])
      for (const pending of polls) assert.deepEqual(pageOf(await pending.settled).texts, ['one'])
    },
  },
  {
    title: 'after 25 seconds a held poll is an empty page with its own cursor',
    virtual: true,
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      await send(relay, anna, [[bert.person, 'one']])
      const { cursor } = await poll(relay, bert, 0)
      await relay.pass(100)
      const begun = relay.now()
      const answer = await beginPoll(relay, bert, cursor).settled
      assert.equal(answer.text, `{"cursor":${cursor},"events":[]}`)
      assert.ok(Math.abs(relay.now() - begun - 25_000) < 500)
    },
  },
  {
    title: 'a cursor of the future is answered with the clock’s',
    virtual: true,
    run: async relay => {
      const bert = await logIn(relay, createPerson())
      const begun = relay.now()
      const { cursor } = await poll(relay, bert, begun + 10 * day)
      assert.ok(cursor >= begun && cursor <= relay.now(), `${cursor}`)
    },
  },
  {
    title: 'a cursor from elsewhere deletes what lies below it',
    virtual: true,
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      await send(relay, anna, [[bert.person, 'unseen']])
      await relay.pass(1000)
      assert.deepEqual((await poll(relay, bert, relay.now())).texts, [])
    },
  },
  {
    title: 'a blob that is sent again after its ack comes again',
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      await send(relay, anna, [[bert.person, 'again']])
      const { cursor } = await poll(relay, bert, 0)
      const pending = beginPoll(relay, bert, cursor)
      await relay.pass(100)
      await send(relay, anna, [[bert.person, 'again']])
      assert.deepEqual(pageOf(await pending.settled).texts, ['again'])
    },
  },
  {
    title: 'mail stands for thirty days, and no longer',
    virtual: true,
    constants: { messageMaxAge: 7_200_000 },
    run: async relay => {
      const [anna, bert] = await twoPeople(relay)
      await send(relay, anna, [[bert.person, 'old']])
      await relay.pass(7_100_000)
      const later = await logIn(relay, bert.person)
      assert.deepEqual((await poll(relay, later, 0)).texts, ['old'])
      await relay.pass(101_000)
      await assertHeld(relay, later, 0)
    },
  },
]
