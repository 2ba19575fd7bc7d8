import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { createManualClock } from '../../kernel/clock.ts'
import { createCallPeer } from './call-peer.ts'

const seen: { url: string; host: string; method: string; body: string }[] = []
const replies: Record<string, (response: ServerResponse) => void> = {
  '/ok': response => response.end('{}'),
  '/redirect': response => response.writeHead(302, { location: '/ok' }).end(),
  '/long': response => response.end('x'.repeat(64 * 1024 + 1)),
  '/silent': () => undefined,
  '/later': response => response.writeHead(429, { 'retry-after': '7' }).end('{}'),
  '/date': response =>
    response.writeHead(503, { 'retry-after': new Date(Date.UTC(2026, 0, 1, 0, 1)).toUTCString() }).end('{}'),
}
const server = createServer((request: IncomingMessage, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { url = '', method = '' } = request
    seen.push({ url, method, host: request.headers.host ?? '', body: Buffer.concat(chunks).toString() })
    replies[url]?.(response)
  })
})
let port = 0

before(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
})
after(async () => {
  const closed = new Promise(resolve => server.close(resolve))
  server.closeAllConnections()
  await closed
})

const clock = createManualClock()
const signal = new AbortController().signal
const caller = (serverHost: string, addresses?: readonly string[][], trusted: string[] = []) => {
  let asked = 0
  const resolve = async () => addresses?.[Math.min(asked++, addresses.length - 1)] ?? []
  return createCallPeer({
    serverHost,
    scheme: 'http://',
    trusted,
    clock,
    ...(addresses === undefined ? {} : { resolve }),
  })
}
const get = (path: string, timeoutMs = 2000) => ({ method: 'GET', path, timeoutMs, signal }) as const

test('a relay with a private name reaches peers on its own machine', async () => {
  const call = caller('localhost:9001')
  const body = '{"events":[]}'
  const headers = { 'content-type': 'application/json' }
  const answer = await call(`localhost:${port}`, { ...get('/ok'), method: 'POST', headers, body })
  assert.deepEqual([answer.status, Buffer.from(answer.body).toString()], [200, '{}'])
  assert.deepEqual(seen.at(-1), { url: '/ok', method: 'POST', host: `localhost:${port}`, body })
})

test('a relay with a public name reaches no address inside, under any name', async () => {
  const inside = [
    '127.0.0.1',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.169.254',
    '192.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '255.255.255.255',
    '0.0.0.0',
    '::1',
    '::',
    '::ffff:10.0.0.1',
    '::ffff:127.0.0.1',
    '64:ff9b::a00:1',
    'fc00::1',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    '2001:db8::1',
    '2002:a00:1::1',
  ]
  for (const address of inside) {
    const call = caller('relay.example', [[address]])
    await assert.rejects(call('a.127.0.0.1.nip.example', get('/ok')), { code: 'upstream' }, address)
    // One bad address among good ones is enough.
    await assert.rejects(caller('relay.example', [['1.1.1.1', address]])('b.example', get('/ok')), {
      message: /not at a public address/,
    })
  }
})

test('no private relay is led to link-local addresses, where clouds keep their secrets', async () => {
  for (const address of ['169.254.169.254', 'fe80::1', '224.0.0.1', '0.0.0.0', '::']) {
    await assert.rejects(caller('localhost:9001', [[address]])('peer.local', get('/ok')), {
      code: 'upstream',
    })
  }
})

test('the connection goes to the address that was checked, though the name leads inside by then', async () => {
  const seenBefore = seen.length
  // The first answer passes the check, and is what is connected to; the second one would be refused.
  const call = caller('localhost:9001', [['127.0.0.1'], ['169.254.169.254']])
  assert.equal((await call(`rebind.local:${port}`, get('/ok'))).status, 200)
  assert.equal(seen.at(-1)?.host, `rebind.local:${port}`)
  await assert.rejects(call(`rebind.local:${port}`, get('/ok')), { message: /not at a public address/ })
  assert.equal(seen.length, seenBefore + 1)
})

test('a peer that the operator named may be inside, and only that one', async () => {
  const call = caller('relay.example', [['127.0.0.1']], [`inner.example:${port}`])
  assert.equal((await call(`inner.example:${port}`, get('/ok'))).status, 200)
  await assert.rejects(call(`other.example:${port}`, get('/ok')), { code: 'upstream' })
})

test('names that are none are not called', async () => {
  for (const name of ['', 'a b', 'a/b', 'user@localhost', '0x7f000001', '2130706433', '[::1]', '127.1']) {
    await assert.rejects(caller('localhost:9001')(name, get('/ok')), { message: /expected host/ }, name)
  }
})

test('redirects are not followed, long answers are cut off, silent peers time out, plain http needs its scheme', async () => {
  const call = caller('localhost:9001')
  assert.equal((await call(`localhost:${port}`, get('/redirect'))).status, 302)
  await assert.rejects(call(`localhost:${port}`, get('/long')), { message: /at most 65536 bytes/ })
  await assert.rejects(call(`localhost:${port}`, get('/silent', 30)), { code: 'upstream-timeout' })
  const secure = createCallPeer({ serverHost: 'localhost:9001', scheme: 'https://', trusted: [], clock })
  await assert.rejects(secure(`localhost:${port}`, get('/ok')), { code: 'upstream' })
})

test('when a peer asks for a pause, in seconds or by a date, it is told', async () => {
  const call = caller('localhost:9001')
  assert.equal((await call(`localhost:${port}`, get('/later'))).retryAfterMs, 7000)
  assert.equal((await call(`localhost:${port}`, get('/date'))).retryAfterMs, 60_000)
  assert.equal((await call(`localhost:${port}`, get('/ok'))).retryAfterMs, undefined)
})
