import assert from 'node:assert/strict'
import { text as textOf } from 'node:stream/consumers'
import { test } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { createManualClock, systemClock } from '../clock.ts'
import { decodedBody, readBody } from './body.ts'
import type { Route } from './route.ts'
import { sendRaw } from './test-raw.ts'
import { startServer } from './test-server.ts'

/** Answers with the body that it read. */
const echo = (bytesMax = 1000, clock = systemClock): Route => ({
  path: '/',
  handle: async (request, response) =>
    void response.end(await readBody(request, { bytesMax, timeoutMs: 5000, clock })),
})

const post = (url: string, body: Uint8Array<ArrayBuffer> | string, encoding?: string) =>
  fetch(url, {
    method: 'POST',
    body,
    ...(encoding === undefined ? {} : { headers: { 'content-encoding': encoding } }),
  })

test('a body arrives whole, in every content encoding', async t => {
  const server = await startServer([echo()])
  t.after(server.stop)
  const body = Buffer.from('a body, '.repeat(20))
  const sent: readonly [string | undefined, Uint8Array<ArrayBuffer>][] = [
    [undefined, body],
    ['identity', body],
    ['gzip', gzipSync(body)],
    ['deflate', deflateSync(body)],
    ['br', brotliCompressSync(body)],
    ['zstd', zstdCompressSync(body)],
    ['gzip, br', brotliCompressSync(gzipSync(body))],
  ]
  for (const [encoding, bytes] of sent) {
    const response = await post(server.url, bytes, encoding)
    assert.equal(await response.text(), body.toString(), encoding)
  }
  assert.equal(await (await post(server.url, '')).text(), '')
})

test('a body that its Content-Length says is too large is refused before it is read', async t => {
  const server = await startServer([echo(10)])
  t.after(server.stop)
  const answer = await sendRaw(
    server.port,
    'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\nConnection: close\r\n\r\n',
    {
      halfOpen: true,
    },
  )
  assert.match(answer, /^HTTP\/1\.1 413 .*PayloadTooLarge/s)
})

test('a chunked body is refused as soon as it is too large', async t => {
  const server = await startServer([echo(10)])
  t.after(server.stop)
  const answer = await sendRaw(
    server.port,
    'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n',
    {
      halfOpen: true,
    },
  )
  assert.match(answer, /^HTTP\/1\.1 413 /)
})

test('what counts is the size after decompression', async t => {
  const server = await startServer([echo(100_000)])
  t.after(server.stop)
  const bomb = gzipSync(Buffer.alloc(50_000_000))
  assert.ok(bomb.length < 100_000)
  const response = await post(server.url, bomb, 'gzip')
  assert.equal(response.status, 413)
})

test('a body that is not what its encoding says is the request that is wrong', async t => {
  const server = await startServer([echo()])
  t.after(server.stop)
  for (const body of ['not gzip at all', gzipSync('cut off, cut off').subarray(0, -6)]) {
    const response = await post(server.url, body, 'gzip')
    assert.equal(response.status, 400)
    assert.match(await response.text(), /not what its content encoding says/)
  }
})

test('encodings that nobody knows, or too many of them, are refused as media', async t => {
  const server = await startServer([echo()])
  t.after(server.stop)
  assert.equal((await post(server.url, 'x', 'compress')).status, 415)
  assert.equal((await post(server.url, 'x', 'gzip, gzip, gzip')).status, 415)
})

test('a sender that is too slow is cut off', async t => {
  const clock = createManualClock()
  const reading = Promise.withResolvers<void>()
  const server = await startServer([
    {
      path: '/',
      handle: async (request, response) => {
        request.once('data', () => reading.resolve())
        response.end(await readBody(request, { bytesMax: 100, timeoutMs: 5000, clock }))
      },
    },
  ])
  t.after(server.stop)
  const answer = sendRaw(
    server.port,
    'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc',
    {
      halfOpen: true,
    },
  )
  await reading.promise
  clock.advance(4999)
  clock.advance(1)
  assert.match(await answer, /^HTTP\/1\.1 400 .*within 5000 ms, got 3 bytes/s)
})

test('a body that ends early is refused', async t => {
  const failed = Promise.withResolvers<unknown>()
  const server = await startServer([
    {
      path: '/',
      handle: async request => {
        await readBody(request, { bytesMax: 100, timeoutMs: 5000, clock: systemClock }).catch(failed.resolve)
      },
    },
  ])
  t.after(server.stop)
  await sendRaw(server.port, 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc')
  assert.match(String(await failed.promise), /the body ended early/)
})

test('a decoded stream gives what a handler may read piece by piece', async t => {
  const server = await startServer([
    { path: '/', handle: async (request, response) => void response.end(await textOf(decodedBody(request))) },
  ])
  t.after(server.stop)
  const body = 'piece by piece '.repeat(50_000)
  assert.equal(await (await post(server.url, gzipSync(body), 'gzip')).text(), body)
  assert.equal((await post(server.url, 'no gzip', 'gzip')).status, 400)
})
