import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { createManualClock } from '../clock.ts'
import { Corruption, Refusal } from '../errors.ts'
import { createLogger } from '../log.ts'
import { createProxyTrust } from './proxies.ts'
import type { RequestContext, Route } from './route.ts'
import { sendRaw } from './test-raw.ts'
import { startServer } from './test-server.ts'

const text = (path: string, body = 'ok'): Route => ({
  path,
  handle: (_request, response) => void response.end(body),
})
const refusing = (error: unknown): Route => ({
  path: '/no',
  handle: async () => {
    throw error
  },
})

test('a refusal becomes its status and, for programs, JSON with its name', async t => {
  const server = await startServer([
    refusing(new Refusal('invalid', 'Commit was at abc', { name: 'InvalidSwap' })),
  ])
  t.after(server.stop)
  const response = await fetch(`${server.url}/no`)
  assert.equal(response.status, 400)
  assert.deepEqual(await response.json(), { error: 'InvalidSwap', message: 'Commit was at abc' })
})

test('a browser gets a page instead, with everything in it escaped', async t => {
  const server = await startServer([refusing(new Refusal('missing', 'there is no <script>'))])
  t.after(server.stop)
  const response = await fetch(`${server.url}/no`, {
    headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' },
  })
  assert.equal(response.status, 404)
  assert.match(response.headers.get('content-type') ?? '', /^text\/html/)
  const page = await response.text()
  assert.ok(page.includes('there is no &#60;script&#62;'))
})

test('a limited caller is told in whole seconds when to come back', async t => {
  const server = await startServer([refusing(new Refusal('limited', 'too often', { retryAfterMs: 1200 }))])
  t.after(server.stop)
  const response = await fetch(`${server.url}/no`)
  assert.equal(response.status, 429)
  assert.equal(response.headers.get('retry-after'), '2')
})

test('an unexpected error is a 500 that shows the request id and nothing else, and the log has both', async t => {
  const lines: string[] = []
  const log = createLogger({ level: 'info', format: 'json', write: line => void lines.push(line) })
  const server = await startServer([refusing(new TypeError('the inside'))], { log })
  t.after(server.stop)
  const response = await fetch(`${server.url}/no`)
  const body = (await response.json()) as Record<string, string>
  assert.equal(response.status, 500)
  assert.equal(body['error'], 'InternalServerError')
  assert.equal(body['requestId'], response.headers.get('x-request-id'))
  assert.ok(!JSON.stringify(body).includes('the inside'))
  const logged = lines.find(line => line.includes('the inside'))
  assert.ok(logged?.includes(String(body['requestId'])))
  assert.deepEqual(server.corruptions, [])
})

test('corruption is a 500 too, and is reported so that the process stops', async t => {
  const corruption = new Corruption('the root is gone')
  const server = await startServer([refusing(corruption)])
  t.after(server.stop)
  assert.equal((await fetch(`${server.url}/no`)).status, 500)
  assert.deepEqual(server.corruptions, [corruption])
})

test('an error after the answer has begun cuts the connection instead of ending the answer', async t => {
  const server = await startServer([
    {
      path: '/half',
      handle: async (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/plain' })
        response.write('half')
        throw new Error('broken')
      },
    },
  ])
  t.after(server.stop)
  await assert.rejects(async () => await (await fetch(`${server.url}/half`)).text())
})

test('paths and methods that are not there are told as 404 and 405', async t => {
  const server = await startServer([{ ...text('/form'), methods: ['GET', 'POST'] }])
  t.after(server.stop)
  assert.equal((await fetch(`${server.url}/nothing?code=secret`)).status, 404)
  const wrong = await fetch(`${server.url}/form`, { method: 'PUT' })
  assert.equal(wrong.status, 405)
  assert.equal(wrong.headers.get('allow'), 'GET, POST, HEAD')
  const options = await fetch(`${server.url}/form`, { method: 'OPTIONS' })
  assert.equal(options.status, 204)
  assert.equal(options.headers.get('allow'), 'GET, POST, HEAD')
})

test('HEAD gets the headers of GET without its body', async t => {
  const server = await startServer([{ ...text('/form', 'body'), methods: ['GET'] }])
  t.after(server.stop)
  const response = await fetch(`${server.url}/form`, { method: 'HEAD' })
  assert.equal(response.status, 200)
  assert.equal(await response.text(), '')
})

test('development refuses every Host that is not a name of this machine', async t => {
  const server = await startServer([text('/')])
  t.after(server.stop)
  const statusFor = async (host: string) => {
    const answer = await sendRaw(server.port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    return Number(answer.split(' ')[1])
  }
  for (const host of [
    'localhost',
    'LOCALHOST:3334',
    '127.0.0.1:1',
    '[::1]:3334',
    'alice.test',
    'a.b.localhost:80',
  ]) {
    assert.equal(await statusFor(host), 200, host)
  }
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '192.168.0.1',
    '127.0.0.1.nip.io',
    'test',
    '',
  ]) {
    assert.equal(await statusFor(host), 400, host)
  }
})

test('in production any Host is served', async t => {
  const server = await startServer([text('/')], { localHostsOnly: false })
  t.after(server.stop)
  const answer = await sendRaw(
    server.port,
    'GET / HTTP/1.1\r\nHost: alice.example\r\nConnection: close\r\n\r\n',
  )
  assert.match(answer, /^HTTP\/1\.1 200 /)
})

test('forwarded headers and request ids count from trusted proxies only', async t => {
  const seen: RequestContext[] = []
  const route: Route = {
    path: '/',
    handle: (_request, response, context) => {
      seen.push(context)
      response.end()
    },
  }
  const headers = {
    'x-forwarded-for': '203.0.113.9',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'leaf.example',
    'x-request-id': 'from-the-proxy',
  }
  const distrusting = await startServer([route])
  t.after(distrusting.stop)
  const trusting = await startServer([route], {
    trust: createProxyTrust(['loopback']),
    localHostsOnly: false,
  })
  t.after(trusting.stop)
  await fetch(distrusting.url, { headers })
  const answer = await fetch(trusting.url, { headers })
  await fetch(trusting.url, { headers: { ...headers, 'x-request-id': 'long-enough <id>' } })
  const [direct, proxied, strange] = seen
  assert.equal(direct?.address, '127.0.0.1')
  assert.equal(direct.secure, false)
  assert.equal(direct.host, `127.0.0.1:${distrusting.port}`)
  assert.notEqual(direct.id, 'from-the-proxy')
  assert.equal(proxied?.address, '203.0.113.9')
  assert.equal(proxied.secure, true)
  assert.equal(proxied.host, 'leaf.example')
  assert.equal(proxied.id, 'from-the-proxy')
  assert.equal(answer.headers.get('x-request-id'), 'from-the-proxy')
  assert.match(strange?.id ?? '', /^[0-9a-f]{12}-/)
})

test('the access log has a line for each request, without its query', async () => {
  const lines: string[] = []
  const log = createLogger({ level: 'info', format: 'json', write: line => void lines.push(line) })
  const server = await startServer([text('/callback')], { log })
  await (await fetch(`${server.url}/callback?code=hidden`)).text()
  await server.stop()
  const [line, ...others] = lines.map(one => JSON.parse(one) as Record<string, unknown>)
  assert.equal(others.length, 0)
  assert.equal(line?.['path'], '/callback')
  assert.equal(line['status'], 200)
  assert.equal(line['address'], '127.0.0.1')
  assert.ok(!lines.join().includes('hidden'))
})

test('the access log has a line for each socket too, with what it was refused with', async () => {
  const lines: string[] = []
  const log = createLogger({ level: 'info', format: 'json', write: line => void lines.push(line) })
  const upgrade = (_request: unknown, socket: Duplex) =>
    void socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  const server = await startServer([], { log, upgrades: [{ path: '/s', upgrade }] })
  await sendRaw(server.port, handshake('/s?cursor=hidden'))
  await sendRaw(server.port, handshake('/nowhere'))
  await server.stop()
  const told = lines.map(line => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    told.map(({ msg, path, status }) => [msg, path, status]),
    [
      ['socket', '/s', 101],
      ['socket', '/nowhere', 404],
    ],
  )
})

test('the signal ends when the caller goes away', async t => {
  const gone = Promise.withResolvers<void>()
  const server = await startServer([
    {
      path: '/',
      handle: (_request, _response, context) =>
        context.signal.addEventListener('abort', () => gone.resolve()),
    },
  ])
  t.after(server.stop)
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'connect')
  setImmediate(() => socket.destroy())
  await gone.promise
})

test('closing lets a request under way finish and takes no new one', async () => {
  const arrived = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const server = await startServer([
    {
      path: '/slow',
      handle: async (_request, response) => {
        arrived.resolve()
        await go.promise
        response.end('done')
      },
    },
  ])
  const answer = fetch(`${server.url}/slow`)
  await arrived.promise
  const closed = server.server.close(60_000)
  await assert.rejects(fetch(server.url))
  go.resolve()
  assert.equal(await (await answer).text(), 'done')
  await closed
})

test('while it closes, what still arrives on open connections is answered for the last time, and upgrades are refused', async () => {
  const arrived = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const slow: Route = {
    path: '/slow',
    handle: async (_request, response) => {
      arrived.resolve()
      await go.promise
      response.end('done')
    },
  }
  const server = await startServer([slow, text('/')], {
    upgrades: [{ path: '/s', upgrade: (_request, socket) => void socket.end('never') }],
  })
  const exchange = (first: string) => {
    const socket = connect(server.port, '127.0.0.1')
    let received = ''
    socket.on('data', chunk => {
      received += chunk
    })
    socket.write(first)
    return { socket, ended: once(socket, 'close').then(() => received) }
  }
  const kept = exchange('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const upgrading = exchange('GET /s HTTP/1.1\r\nHost: localhost\r\n')
  await Promise.all([arrived.promise, once(upgrading.socket, 'connect')])
  await fetch(server.url)
  const closed = server.server.close(60_000)
  kept.socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  upgrading.socket.write('Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  assert.match(await upgrading.ended, /^HTTP\/1\.1 503 /)
  go.resolve()
  const [, first, second] = (await kept.ended).split('HTTP/1.1 ')
  assert.match(first ?? '', /^200 OK.*done$/s)
  assert.match(second ?? '', /^200 OK.*connection: close/is)
  await closed
})

test('closing ends signals after a second, and whatever is left at the deadline', async () => {
  const clock = createManualClock()
  const arrived = Promise.withResolvers<AbortSignal>()
  const server = await startServer(
    [{ path: '/forever', handle: (_request, _response, context) => arrived.resolve(context.signal) }],
    { clock },
  )
  const answer = assert.rejects(fetch(`${server.url}/forever`))
  const signal = await arrived.promise
  const closed = server.server.close(10_000)
  clock.advance(999)
  assert.equal(signal.aborted, false)
  clock.advance(1)
  assert.equal(signal.aborted, true)
  clock.advance(9000)
  await closed
  await answer
})

const handshake = (path: string, host = 'localhost') =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n`

test('an upgrade goes to its path, and is refused with an ordinary answer elsewhere', async t => {
  const server = await startServer([], {
    upgrades: [
      {
        path: '/sockets',
        upgrade: (_request, socket) => void socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\nhello'),
      },
      {
        path: '/full',
        upgrade: () => {
          throw new Refusal('limited', 'too many sockets', { name: 'TooManySockets', retryAfterMs: 5000 })
        },
      },
    ],
  })
  t.after(server.stop)
  assert.match(await sendRaw(server.port, handshake('/sockets?cursor=1')), /^HTTP\/1\.1 101 .*hello$/s)
  const nowhere = await sendRaw(server.port, handshake('/nowhere'))
  assert.match(nowhere, /^HTTP\/1\.1 404 Not Found\r\n/)
  const full = await sendRaw(server.port, handshake('/full'))
  assert.match(full, /^HTTP\/1\.1 429 Too Many Requests\r\n.*retry-after: 5\r\n.*TooManySockets/s)
  assert.match(await sendRaw(server.port, handshake('/sockets', 'evil.example')), /^HTTP\/1\.1 400 /)
})

test('an upgrade to something else than WebSocket is answered as the request that it also is', async t => {
  const server = await startServer([text('/')])
  t.after(server.stop)
  const answer = await sendRaw(
    server.port,
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n',
  )
  assert.match(answer, /^HTTP\/1\.1 200 /)
})

test('an upgraded connection that does not end by itself is cut at the deadline', async () => {
  const clock = createManualClock()
  const opened = Promise.withResolvers<void>()
  const server = await startServer([], { clock, upgrades: [{ path: '/s', upgrade: () => opened.resolve() }] })
  const answer = sendRaw(server.port, handshake('/s'), { halfOpen: true })
  await opened.promise
  const closed = server.server.close(10_000)
  clock.advance(10_000)
  await closed
  assert.equal(await answer, '')
})

test('a refused upload is answered before it is read, and its rest is dropped without a reset', async t => {
  const server = await startServer([refusing(new Refusal('too-large', 'expected at most 5 bytes'))])
  t.after(server.stop)
  const socket = connect(server.port, '127.0.0.1')
  const ended = once(socket, 'end')
  socket.write('POST /no HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 413 .*connection: close/s)
  socket.end('x'.repeat(500_000))
  await ended
})

test('a body that nobody wanted is dropped after the answer, but not forever', async t => {
  const clock = createManualClock()
  const server = await startServer([text('/', 'no thanks')], { clock })
  t.after(server.stop)
  const socket = connect(server.port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n1234')
  await once(socket, 'data')
  socket.write('5678GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'data')
  clock.advance(2000)
  socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n1234')
  await once(socket, 'data')
  clock.advance(1999)
  assert.equal(socket.destroyed, false)
  const closed = once(socket, 'close')
  clock.advance(1)
  await closed
})

test('a refused sender that never ends is cut', async t => {
  const server = await startServer([refusing(new Refusal('too-large', 'expected at most 5 bytes'))])
  t.after(server.stop)
  const socket = connect(server.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write('POST /no HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
  const chunk = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`)
  let sent = 0
  const send = () => {
    while (!socket.destroyed && socket.write(chunk)) sent += chunk.length
    sent += chunk.length
  }
  socket.on('drain', send)
  send()
  socket.resume()
  await new Promise(resolve => socket.once('close', resolve))
  // What the buffers between us hold comes on top of what is read.
  assert.ok(sent < 40_000_000, `${sent} bytes were taken`)
})

test('a sender whose head or body comes too slowly is told so, and cut', async t => {
  const reading: Route = { path: '/', handle: request => void request.resume() }
  const slowHead = await startServer([reading], { headMsMax: 40 })
  t.after(slowHead.stop)
  assert.match(
    await sendRaw(slowHead.port, 'GET / HTTP/1.1\r\nHost: local', { halfOpen: true }),
    /^HTTP\/1\.1 408 /,
  )
  const slowBody = await startServer([reading], { requestMsMax: 40 })
  t.after(slowBody.stop)
  const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab'
  assert.match(await sendRaw(slowBody.port, head, { halfOpen: true }), /^HTTP\/1\.1 408 /)
})

test('a connection beyond the bound is closed at once', async t => {
  const server = await startServer([text('/')], { connectionsMax: 1 })
  t.after(server.stop)
  const first = connect(server.port, '127.0.0.1')
  t.after(() => void first.destroy())
  first.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(first, 'data')
  const second = connect(server.port, '127.0.0.1')
  second.on('error', () => undefined)
  await new Promise(resolve => second.once('close', resolve))
  assert.equal(second.bytesRead, 0)
})

test('a head that is too large is refused', async t => {
  const server = await startServer([text('/')])
  t.after(server.stop)
  const answer = await sendRaw(
    server.port,
    `GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: ${'x'.repeat(17_000)}\r\n\r\n`,
  )
  assert.match(answer, /^HTTP\/1\.1 431 /)
})
