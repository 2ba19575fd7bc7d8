import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import {
  ask,
  login,
  person,
  startTestRelay,
  type TestRelay,
  type TestRelayOptions,
  until,
} from './test-relay.ts'

describe('a relay', () => {
  const opened: TestRelay[] = []
  const start = async (options: TestRelayOptions = {}) => {
    const one = await startTestRelay(options)
    opened.push(one)
    return one
  }
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.stop()
  })

  it('mail that was sent is polled, acknowledged by its cursor, and gone', async () => {
    const { relay, clock } = await start()
    const [alice, bob] = [person(1), person(2)]
    const [a, b] = [await login(relay, alice), await login(relay, bob)]
    const sent = await ask(relay, '/messages', {
      token: a,
      body: {
        messages: [
          { to: bob.key, encryptedBlob: 'aabb' },
          { to: bob.key, encryptedBlob: 'cc' },
        ],
      },
    })
    assert.deepEqual([sent.status, sent.text], [200, '{}'])
    const first = await ask(relay, '/poll', { token: b, body: { cursor: 0 } })
    assert.equal(
      first.text,
      `{"cursor":${first.json.cursor},"events":[{"encryptedBlob":"aabb"},{"encryptedBlob":"cc"}]}`,
    )
    const parked = ask(relay, '/poll', { token: b, body: { cursor: first.json.cursor } })
    await until(async () => (await relay.counts()).waiters === 1 && (await relay.counts()).pending === 0)
    clock.advance(25_000)
    assert.equal((await parked).text, `{"cursor":${first.json.cursor},"events":[]}`)
  })

  it('a poll that waits is answered when mail comes', async () => {
    const { relay } = await start()
    const [alice, bob] = [person(1), person(2)]
    const [a, b] = [await login(relay, alice), await login(relay, bob)]
    const parked = ask(relay, '/poll', { token: b, body: { cursor: 0 } })
    await until(async () => (await relay.counts()).waiters === 1)
    await ask(relay, '/messages', { token: a, body: { messages: [{ to: bob.key, encryptedBlob: 'aabb' }] } })
    assert.deepEqual((await parked).json.events, [{ encryptedBlob: 'aabb' }])
  })
})
