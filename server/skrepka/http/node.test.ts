import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { createManualClock } from '../../kernel/clock.ts'
import { createProxyTrust } from '../../kernel/http/proxies.ts'
import { startServer } from '../../kernel/http/test-server.ts'
import { silentLogger } from '../../kernel/log.ts'
import {
  ask,
  defaultSettings,
  login,
  person,
  startTestRelay,
  type TestRelayOptions,
  until,
} from '../test-relay.ts'
import { createBodyReader } from './body.ts'
import { createNodeHandler } from './node.ts'

const alice = person(1)
const bob = person(2)

describe('the relay over HTTP', () => {
  const closers: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0)) await close()
  })
  const start = async (settings: TestRelayOptions['settings'] = {}) => {
    const one = await startTestRelay({ settings })
    const bodyClock = createManualClock()
    const inFlightMax = settings.bodyBytesInFlightMax ?? defaultSettings.bodyBytesInFlightMax
    const bodies = createBodyReader({ clock: bodyClock, inFlightMax })
    const handle = createNodeHandler({
      relay: one.relay,
      bodies,
      settings: { ...defaultSettings, ...settings },
      log: silentLogger,
    })
    const server = await startServer([{ path: '/*', handle }], { trust: createProxyTrust(['loopback']) })
    closers.push(async () => {
      bodies.stop()
      await server.stop()
      await one.stop()
    })
    const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
      fetch(server.url + path, { method: 'POST', body: JSON.stringify(body), headers })
    return { ...one, ...server, bodies, bodyClock, post }
  }

  it('any page may ask, and read the answer', async () => {
    const { url } = await start()
    const preflight = await fetch(`${url}/poll`, { method: 'OPTIONS' })
    assert.equal(preflight.status, 204)
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /authorization/)
    const answer = await fetch(`${url}/poll`, { method: 'POST', body: '{"cursor":0}' })
    assert.deepEqual([answer.status, await answer.text()], [401, '{"error":"unauthorized"}'])
    assert.equal(answer.headers.get('access-control-allow-origin'), '*')
    assert.equal(answer.headers.get('content-type'), 'application/json')
  })

  it('what is not a route is 404 in its words, and empty segments do not count', async () => {
    const { url, post } = await start()
    const answer = await fetch(`${url}/poll`)
    assert.deepEqual([answer.status, await answer.text()], [404, '{"error":"not found"}'])
    assert.equal((await post('//auth//challenge/', { pubkey: alice.key })).status, 200)
  })

  it('a body above its bound is refused unread', async () => {
    const { post, relay } = await start({ httpMaxBodyBytes: 100_000 })
    const token = await login(relay, alice)
    const large = await post(
      '/messages',
      { messages: 'x'.repeat(100_000) },
      { authorization: `Bearer ${token}` },
    )
    assert.deepEqual([large.status, await large.text()], [413, '{"error":"payload too large"}'])
    const small = await post('/poll', { cursor: 0, more: 'x'.repeat(300_000) })
    assert.equal(small.status, 413)
  })

  it('a large body needs a token before it is read', async () => {
    const { post } = await start()
    const answer = await post('/messages', { messages: 'x'.repeat(100_000) })
    assert.equal(answer.status, 401)
  })

  it('above what may be in flight callers are sent away for a moment, and nothing is kept of them', async () => {
    const { post, relay, bodies } = await start({ bodyBytesInFlightMax: 1_048_576 })
    const token = await login(relay, alice)
    const authorization = `Bearer ${token}`
    const answer = await post('/messages', { messages: 'x'.repeat(2_000_000) }, { authorization })
    assert.equal(answer.status, 503)
    assert.equal(answer.headers.get('retry-after'), '1')
    assert.equal(bodies.inFlight(), 0)
    assert.equal((await post('/messages', { messages: [] }, { authorization })).status, 200)
    assert.equal(bodies.inFlight(), 0)
  })

  it('a sender that is too slow is cut off', async () => {
    const { port, bodies, bodyClock } = await start()
    const socket = connect(port, '127.0.0.1')
    socket.write('POST /poll HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n{')
    await until(() => bodies.inFlight() === 100_000)
    bodyClock.advance(20_000)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.match(String(answer), /^HTTP\/1\.1 408 /)
    assert.equal(bodies.inFlight(), 0)
    socket.destroy()
  })

  it('an address counts when a trusted proxy tells it', async () => {
    const { post } = await start()
    const from = { 'x-forwarded-for': '198.51.100.7' }
    const made: unknown = await (await post('/auth/challenge', { pubkey: alice.key }, from)).json()
    const { challenge = '' } = made as { challenge?: string }
    const claim = { pubkey: alice.key, challenge, signature: alice.sign(challenge), revokeOthers: false }
    assert.equal((await post('/auth/verify', claim, { 'x-forwarded-for': '198.51.100.8' })).status, 401)
    assert.equal((await post('/auth/verify', claim, from)).status, 200)
  })

  it('a poll whose caller went away waits no more', async () => {
    const { port, relay } = await start()
    const token = await login(relay, bob)
    const socket = connect(port, '127.0.0.1')
    const head = `POST /poll HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n`
    socket.write(`${head}content-length: 12\r\n\r\n{"cursor":0}`)
    await until(async () => (await relay.counts()).waiters === 1)
    socket.destroy()
    await until(async () => (await relay.counts()).waiters === 0)
  })

  it('a page larger than what is answered in one piece comes whole', async () => {
    const { post, relay } = await start()
    const [a, b] = [await login(relay, alice), await login(relay, bob)]
    const blobs = ['ab', 'cd', 'ef'].map(pair => pair.repeat(400_000))
    const body = { messages: blobs.map(encryptedBlob => ({ to: bob.key, encryptedBlob })) }
    assert.equal((await post('/messages', body, { authorization: `Bearer ${a}` })).status, 200)
    const page: unknown = await (await post('/poll', { cursor: 0 }, { authorization: `Bearer ${b}` })).json()
    const { events = [] } = page as { events?: { encryptedBlob: string }[] }
    assert.deepEqual(
      events.map(event => event.encryptedBlob),
      blobs,
    )
  })

  it('a stop answers polls that wait with an empty page', async () => {
    const { relay } = await start()
    const token = await login(relay, bob)
    const parked = ask(relay, '/poll', { token, body: { cursor: 0 } })
    await until(async () => (await relay.counts()).waiters === 1)
    await relay.stop()
    assert.equal((await parked).text, '{"cursor":0,"events":[]}')
  })
})
