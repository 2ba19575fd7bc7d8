import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { ask, login, person, startTestRelay, type TestRelay, type TestRelayOptions } from '../test-relay.ts'

const bob = person(2)

describe('a mailbox that fills', () => {
  const opened: TestRelay[] = []
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.stop()
  })
  const start = async (settings: TestRelayOptions['settings'] = {}) => {
    const one = await startTestRelay({ settings: { sendRateLimit: 0, pollRateLimit: 0, ...settings } })
    opened.push(one)
    const b = await login(one.relay, bob)
    let next = 0
    const blob = () => {
      next += 1
      return next.toString(16).padStart(8, '0')
    }
    const send = (token: string, blobs: readonly string[]) => {
      const messages = blobs.map(encryptedBlob => ({ to: bob.key, encryptedBlob }))
      return ask(one.relay, '/messages', { token, body: { messages } })
    }
    const poll = (cursor: number) => ask(one.relay, '/poll', { token: b, body: { cursor } })
    return { ...one, blob, send, poll }
  }
  const many = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make)

  it('one sender gets a tenth of it, and then 429 with when to come back; others still get theirs', async () => {
    const { relay, send, blob } = await start({ mailboxMessagesMax: 100 })
    const [flooder, friend] = [await login(relay, person(3)), await login(relay, person(4))]
    assert.equal((await send(flooder, many(10, blob))).status, 200)
    const full = await send(flooder, [blob()])
    assert.deepEqual([full.status, full.text], [429, '{"error":"mailbox_full"}'])
    assert.equal(full.headers['retry-after'], '300')
    assert.equal((await send(friend, [blob()])).status, 200)
    assert.equal((await relay.counts()).pending, 11)
  })

  it('a batch that does not fit is refused whole', async () => {
    const { relay, send, blob } = await start({ mailboxMessagesMax: 100 })
    const sender = await login(relay, person(3))
    assert.equal((await send(sender, many(11, blob))).status, 429)
    assert.equal((await relay.counts()).pending, 0)
    assert.equal((await send(sender, many(10, blob))).status, 200)
  })

  it('what it has already needs no room', async () => {
    const { relay, send, blob } = await start({ mailboxMessagesMax: 100 })
    const sender = await login(relay, person(3))
    const blobs = many(10, blob)
    assert.equal((await send(sender, blobs)).status, 200)
    assert.equal((await send(sender, blobs)).status, 200)
    assert.equal((await relay.counts()).pending, 10)
  })

  it('a share is given back as the mailbox is read', async () => {
    const { relay, send, blob, poll } = await start({ mailboxMessagesMax: 80 })
    const sender = await login(relay, person(3))
    assert.equal((await send(sender, many(8, blob))).status, 200)
    assert.equal((await send(sender, [blob()])).status, 429)
    const { cursor } = (await poll(0)).json
    await send(await login(relay, person(4)), [blob()])
    await poll(cursor)
    assert.equal((await send(sender, many(8, blob))).status, 200)
  })

  it('a full one refuses everybody, and loses nothing to let others in', async () => {
    const { relay, send, blob, poll } = await start({ mailboxMessagesMax: 4, senderSharePercent: 50 })
    for (const number of [3, 4]) {
      assert.equal((await send(await login(relay, person(number)), many(2, blob))).status, 200)
    }
    assert.equal((await send(await login(relay, person(5)), [blob()])).status, 429)
    assert.deepEqual(
      (await poll(0)).json.events.map(event => event.encryptedBlob),
      ['00000001', '00000002', '00000003', '00000004'],
    )
  })

  it('bytes count as messages do, and messages and bytes of a sender in a window too', async () => {
    const { relay, send } = await start({ mailboxBytesMax: 1000, maxBlobLen: 400 })
    const sender = await login(relay, person(3))
    assert.equal((await send(sender, ['ab'.repeat(150)])).status, 200)
    assert.equal((await send(sender, ['cd'.repeat(100)])).status, 429)
    const limited = await start({ sendMessagesLimit: 5 })
    const other = await login(limited.relay, person(3))
    assert.equal((await limited.send(other, many(5, limited.blob))).status, 200)
    const refused = await limited.send(other, [limited.blob()])
    assert.deepEqual([refused.status, refused.text], [429, '{"error":"Rate limit exceeded"}'])
    limited.clock.advance(12_000)
    assert.equal((await limited.send(other, [limited.blob()])).status, 200)
  })

  it('sends of one moment share a transaction, and each has its own outcome', async () => {
    const { relay, send, blob } = await start({ mailboxMessagesMax: 20 })
    const tokens = await Promise.all([3, 4, 5].map(number => login(relay, person(number))))
    const answers = await Promise.all(
      tokens.flatMap(token => [send(token, many(2, blob)), send(token, many(1, blob))]),
    )
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 429, 200, 429, 200, 429],
    )
    assert.equal((await relay.counts()).pending, 6)
  })
})
