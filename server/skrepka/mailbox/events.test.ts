import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import type { RelayCore } from '../relay.ts'
import { ask, login, person, startTestRelay, type TestRelay, until } from '../test-relay.ts'

const bob = person(2)

/** A reader of a stream: what it has read so far, and how to leave. */
async function follow(relay: RelayCore, token: string, headers: Readonly<Record<string, string>> = {}) {
  let leave: () => void = () => undefined
  const all: Readonly<Record<string, string>> = { authorization: `Bearer ${token}`, ...headers }
  const answer = await relay.answer({
    method: 'GET',
    path: '/skrepka/events',
    query: '',
    header: name => all[name],
    body: new Uint8Array(),
    address: '203.0.113.1',
    forwarded: false,
    signal: new AbortController().signal,
    onGone: listener => {
      leave = listener
    },
  })
  let text = ''
  const done = (async () => {
    if (typeof answer.body === 'string' || answer.body instanceof Uint8Array) return
    for await (const piece of answer.body) text += Buffer.from(piece).toString()
  })()
  const events = () =>
    [...text.matchAll(/^id: (\d+)\ndata: (.*)\n\n/gm)].map(([, id, data = '']) => ({
      id: Number(id),
      blob: String(JSON.parse(data).encryptedBlob),
    }))
  return { status: answer.status, events, text: () => text, leave: () => leave(), done }
}

/** Lets everything that is under way come to rest. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(resolve => setImmediate(resolve))
}

describe('a stream of mail', () => {
  const opened: TestRelay[] = []
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.stop()
  })
  const start = async () => {
    const one = await startTestRelay({ settings: { sendRateLimit: 0 } })
    opened.push(one)
    const [a, b] = [await login(one.relay, person(1)), await login(one.relay, bob)]
    const send = async (...blobs: string[]) => {
      const messages = blobs.map(encryptedBlob => ({ to: bob.key, encryptedBlob }))
      assert.equal((await ask(one.relay, '/messages', { token: a, body: { messages } })).status, 200)
    }
    const ack = (cursor: number) => ask(one.relay, '/skrepka/ack', { token: b, body: { cursor } })
    return { ...one, b, send, ack }
  }

  it('gives what waits, then what comes; writing acknowledges nothing', async () => {
    const { relay, b, send, ack } = await start()
    await send('aa')
    const stream = await follow(relay, b)
    await until(() => stream.events().length === 1)
    await send('bb', 'cc')
    await until(() => stream.events().length === 3)
    assert.deepEqual(
      stream.events().map(event => event.blob),
      ['aa', 'bb', 'cc'],
    )
    assert.equal((await relay.counts()).pending, 3)
    await ack(stream.events()[1]?.id ?? 0)
    assert.equal((await relay.counts()).pending, 1)
    stream.leave()
    await stream.done
    assert.equal((await relay.counts()).waiters, 0)
  })

  it('goes on behind the last event that was received, and begins again behind one that it never gave', async () => {
    const { relay, b, send } = await start()
    await send('aa', 'bb', 'cc')
    const first = await follow(relay, b)
    await until(() => first.events().length === 3)
    first.leave()
    const [, second] = first.events()
    const resumed = await follow(relay, b, { 'last-event-id': String(second?.id) })
    await until(() => resumed.events().length === 1)
    assert.equal(resumed.events()[0]?.blob, 'cc')
    resumed.leave()
    const stranger = await follow(relay, b, { 'last-event-id': String((second?.id ?? 0) + 77) })
    await until(() => stranger.events().length === 3)
    stranger.leave()
  })

  it('holds back after fifty events until one is acknowledged', async () => {
    const { relay, b, send, ack } = await start()
    await send(...Array.from({ length: 60 }, (_, index) => (index + 16).toString(16)))
    const stream = await follow(relay, b)
    await until(() => stream.events().length === 50)
    await turns()
    assert.equal(stream.events().length, 50)
    await ack(stream.events()[9]?.id ?? 0)
    await until(() => stream.events().length === 60)
    assert.equal(new Set(stream.events().map(event => event.blob)).size, 60)
    stream.leave()
  })

  it('shows that it lives, and ends with its session', async () => {
    const { relay, b, clock } = await start()
    const stream = await follow(relay, b)
    await turns()
    clock.advance(15_000)
    await until(() => stream.text().includes(': \n\n'))
    await turns()
    clock.advance(3_600_000)
    await stream.done
    assert.equal((await follow(relay, 'f'.repeat(48))).status, 401)
  })

  it('a stop ends it', async () => {
    const { relay, b } = await start()
    const stream = await follow(relay, b)
    await until(async () => (await relay.counts()).waiters === 1)
    await relay.stop()
    await stream.done
  })
})
