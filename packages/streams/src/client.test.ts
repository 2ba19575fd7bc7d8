import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import type { Page } from './client.ts'
import { connect, createPages, rowsOf, serve, ulid } from './test-server.ts'
import type { LeafError } from './client-types.ts'
import {
  decodeEventBatch,
  decodeStreamQuery,
  decodeUnsubscribe,
  encodeSubscriptionResponse,
  err,
  ok,
} from './wire.ts'

const did = 'did:plc:abcdefghijklmnopqrstuvwx'

test('a refusal has the server’s text, and a throttle’s says how long to wait', async t => {
  const throttled =
    '{"activeSubscriptions":0,"attemptsInWindow":9,"code":"rate_limited","endpoint":"stream/create","limit":8,"maxActiveSubscriptions":64,"retryAfterMs":1500}'
  const { url } = await serve(t, {
    'stream/info': (_, answer) => answer(err('no such stream')),
    'stream/create': (_, answer) => answer(err(throttled)),
    'module/exists': (_, answer) => answer(new Uint8Array([0xff])),
    'stream/query': (_, answer) => answer(ok(5)),
  })
  const client = connect(t, url)
  const cid = 'bafyreihdb57fdysx5h35urvxz64ros7zvywshber7id6t6c6fek37jgyfe'
  await assert.rejects(client.streamInfo(did), {
    name: 'LeafError',
    code: 'refused',
    message: 'no such stream',
  })
  await assert.rejects(client.createStream(cid), {
    code: 'rate-limited',
    retryAfterMs: 1500,
    message: 'stream/create: too often; again in 2 s',
  })
  await assert.rejects(client.hasModule(cid), { code: 'malformed' })
  await assert.rejects(client.query(did, { name: 'q' }), { code: 'malformed' })
})

test('a call without an answer ends when its time is over', async t => {
  const timers: (() => void)[] = []
  let asked = () => {}
  const seen = new Promise<void>(resolve => (asked = resolve))
  const { url } = await serve(t, { 'stream/info': () => asked() })
  const client = connect(t, url, {
    platform: {
      setTimer: run => {
        timers.push(run)
        return () => {}
      },
    },
  })
  const call = client.streamInfo(did)
  await seen
  for (const run of timers) run()
  await assert.rejects(call, { code: 'timeout', message: 'stream/info: no answer within 30000 ms' })
})

test('who a client is for is told; an authenticator that fails ends the calls that wait', async t => {
  const { url } = await serve(t, {})
  const anna = connect(t, url, { authenticator: async () => 'did:web:anna' })
  assert.equal(await new Promise(resolve => anna.on('authenticated', resolve)), 'did:web:anna')
  const broken = connect(t, url, {
    authenticator: () => Promise.reject(new Error('signed out')),
    options: { reconnect: false },
  })
  await assert.rejects(broken.streamInfo(did), {
    code: 'authentication',
    message: 'no token could be had: signed out',
  })
  const refused = connect(t, url, { authenticator: async () => 'bad', options: { reconnect: false } })
  await assert.rejects(refused.streamInfo(did), {
    code: 'authentication',
    message: 'Error validating auth token: no',
  })
})

test('a token that was refused is asked for again', async t => {
  const { url } = await serve(t, {})
  const tokens = ['bad', 'did:web:anna']
  const client = connect(t, url, { authenticator: async () => tokens.shift() ?? 'none' })
  assert.equal(await new Promise(resolve => client.on('authenticated', resolve)), 'did:web:anna')
})

test('a batch whose answer was lost is sent again under the same id', async t => {
  const batches: (string | undefined)[] = []
  const { url, cut } = await serve(t, {
    'stream/event_batch': (argument, answer) => {
      batches.push(decodeEventBatch(argument).batchId)
      if (batches.length === 1) cut()
      else answer(ok(null))
    },
    'stream/clear_state': () => cut(),
  })
  const client = connect(t, url)
  await client.sendEvents(did, [new Uint8Array([1])])
  assert.equal(batches.length, 2)
  assert.match(batches[0] ?? '', /^[0-9a-f]{32}$/)
  assert.equal(batches[0], batches[1])
  await assert.rejects(client.clearState(did), { code: 'disconnected' })
})

test('the first page is not lost when it comes with the answer', async t => {
  const { url } = await serve(t, {
    'stream/subscribe_events': (_, answer, socket) => {
      answer(ok({ subscriptionId: ulid(1) }))
      const page = encodeSubscriptionResponse(ulid(1), { ok: true, rows: rowsOf(1, 2), hasMore: false })
      socket.emit('stream/subscription_response', Buffer.from(page))
    },
  })
  const pages = createPages()
  for (let count = 0; count < 20; count += 1)
    await connect(t, url).subscribeEvents(did, { name: 'q' }, pages.take)
  assert.equal((await pages.idxs(20)).length, 40)
})

test('after a reconnect a subscription goes on behind its last row, and no row comes twice', async t => {
  const starts: (number | undefined)[] = []
  const { url, cut, sockets } = await serve(t, {
    'stream/subscribe_events': (argument, answer, socket) => {
      const { start } = decodeStreamQuery(argument).query
      starts.push(start)
      const id = ulid(starts.length)
      answer(ok({ subscriptionId: id }))
      // A server whose pages overlap.
      const idxs = starts.length === 1 ? [5, 6, 7] : [7, 8, 9]
      const page = encodeSubscriptionResponse(id, { ok: true, rows: rowsOf(...idxs), hasMore: false })
      socket.emit('stream/subscription_response', Buffer.from(page))
    },
    'stream/unsubscribe': (argument, answer) => {
      assert.equal(decodeUnsubscribe(argument).subscriptionId, ulid(2))
      answer(ok({ wasSubscribed: true }))
    },
  })
  const client = connect(t, url)
  const pages = createPages()
  const end = await client.subscribeEvents(did, { name: 'q', start: 5 }, pages.take)
  await pages.idxs(1)
  cut()
  assert.deepEqual(await pages.idxs(2), [5, 6, 7, 8, 9])
  assert.deepEqual(starts, [5, 8])
  await end()
  assert.equal(sockets.length, 2)
})

test('a stream that is gone after a reconnect ends its subscription with the reason', async t => {
  let count = 0
  const { url, cut } = await serve(t, {
    'stream/subscribe_events': (_, answer) => {
      count += 1
      answer(count === 1 ? ok({ subscriptionId: ulid(1) }) : err('gone'))
    },
  })
  const client = connect(t, url)
  const page = new Promise<Page>((resolve, reject) => {
    client.subscribeEvents(did, { name: 'q' }, resolve).then(cut, reject)
  })
  const last = await page
  assert.ok(!last.ok && last.ended)
  assert.equal(last.error.message, 'gone')
})

test('a handler that is too slow stops the server, and goes on where it was', async t => {
  const starts: (number | undefined)[] = []
  const dropped: string[] = []
  const { url } = await serve(t, {
    'stream/subscribe_events': (argument, answer, socket) => {
      const start = decodeStreamQuery(argument).query.start ?? 0
      starts.push(start)
      const id = ulid(starts.length)
      answer(ok({ subscriptionId: id }))
      for (let idx = start; idx < 10; idx += 1) {
        const page = encodeSubscriptionResponse(id, { ok: true, rows: rowsOf(idx), hasMore: idx < 9 })
        socket.emit('stream/subscription_response', Buffer.from(page))
      }
    },
    'stream/unsubscribe': (argument, answer) => {
      dropped.push(decodeUnsubscribe(argument).subscriptionId)
      answer(ok({ wasSubscribed: true }))
      release()
    },
  })
  let release = () => {}
  const held = new Promise<void>(resolve => (release = resolve))
  const client = connect(t, url, { options: { pagesWaitingMax: 3 } })
  const pages = createPages()
  await client.subscribeEvents(did, { name: 'q', start: 1 }, async page => {
    await held
    pages.take(page)
  })
  assert.deepEqual(await pages.idxs(9), [1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.ok(starts.length > 1 && dropped.length === starts.length - 1, `starts ${starts.join()}`)
})

test('a handler that throws is told, and gets the next page', async t => {
  const { url } = await serve(t, {
    'stream/subscribe_events': (_, answer, socket) => {
      answer(ok({ subscriptionId: ulid(1) }))
      for (const idx of [1, 2]) {
        const page = encodeSubscriptionResponse(ulid(1), { ok: true, rows: rowsOf(idx), hasMore: false })
        socket.emit('stream/subscription_response', Buffer.from(page))
      }
    },
  })
  const client = connect(t, url)
  const told: LeafError[] = []
  client.on('error', error => told.push(error))
  const pages = createPages()
  await client.subscribeEvents(did, { name: 'q' }, page => {
    pages.take(page)
    throw new Error('mine')
  })
  assert.deepEqual(await pages.idxs(2), [1, 2])
  assert.equal(told[0]?.code, 'handler')
})

test('a client that is closed fails whatever waits, and everything after', async t => {
  let asked = () => {}
  const seen = new Promise<void>(resolve => (asked = resolve))
  const { url } = await serve(t, { 'stream/info': () => asked() })
  const client = connect(t, url)
  const call = client.streamInfo(did)
  await seen
  client.disconnect()
  await assert.rejects(call, { code: 'closed' })
  await assert.rejects(client.streamInfo(did), { code: 'closed' })
})
