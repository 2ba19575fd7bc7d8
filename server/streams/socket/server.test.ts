import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { parseCid } from '@leaf/codec/drisl'
import fc from 'fast-check'
import { Refusal } from '../../kernel/errors.ts'
import { call, openTestDoor, type TestDoor, unsafeToken } from '../test-door.ts'
import { moduleCid, streamDid, type TestStreams } from './test-streams.ts'

let house: TestDoor
let streams: TestStreams
before(async () => {
  house = await openTestDoor({ settings: { createLimit: 100_000 } })
  streams = house.streams
})
after(() => house.stop())
beforeEach(() => {
  Object.assign(streams, { failure: undefined, rows: [], hold: Promise.resolve() })
  streams.calls.length = 0
  streams.subscribed.length = 0
})

const cid = parseCid(moduleCid)
const query = { name: 'rooms', params: {} }
const ok = (value: unknown) => ({ ok: true, value })
const no = (error: string) => ({ ok: false, error })
/** Without prototypes and symbols, to compare. */
const plain = (value: unknown) => structuredClone(value)

test('every event of a signed-in client is answered', async () => {
  const client = await house.connect(house.alice.token())
  const ask = async (event: string, argument: unknown) => plain(await call(client, event, argument))
  assert.partialDeepStrictEqual(await ask('module/upload', { module: { $type: 'x' } }), { ok: true })
  assert.deepEqual(await ask('module/exists', { moduleCid: cid }), ok({ moduleExists: true }))
  const stamp = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
  assert.deepEqual(
    await ask('stream/create', { moduleCid: cid, clientStamp: stamp }),
    ok({ streamDid, clientStamp: stamp }),
  )
  assert.deepEqual(await ask('stream/create', { moduleCid: cid }), ok({ streamDid, clientStamp: null }))
  assert.partialDeepStrictEqual(await ask('stream/info', { streamDid }), ok({ clientStamp: null }))
  for (const [event, argument] of [
    ['stream/update_module', { streamDid, moduleCid: cid }],
    ['stream/event_batch', { streamDid, events: [Uint8Array.of(1)] }],
    ['stream/state_event_batch', { streamDid, events: [] }],
    ['stream/clear_state', { streamDid }],
    ['stream/set_handle', { streamDid, handle: 'a.example.com' }],
    ['stream/set_handle', { streamDid }],
  ] as const)
    assert.deepEqual(await ask(event, argument), ok(null), event)
  streams.rows = [{ a: { $type: 'muni.town.sqliteValue.null' } }]
  assert.deepEqual(
    await ask('stream/query', { streamDid, query }),
    ok([{ a: { $type: 'muni.town.sqliteValue.null' } }]),
  )
  const subscribed = await call(client, 'stream/subscribe_events', { streamDid, query })
  assert.ok(subscribed.ok)
  const { subscriptionId } = subscribed.value as { subscriptionId: string }
  assert.match(subscriptionId, /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/)
  assert.deepEqual(await ask('stream/unsubscribe', { subscriptionId }), ok({ wasSubscribed: true }))
  assert.deepEqual(await ask('stream/unsubscribe', { subscriptionId }), ok({ wasSubscribed: false }))
  assert.equal(streams.subscribed[0]?.signal.aborted, true)
})

test('what needs somebody is refused to nobody in upstream’s words, before the argument is read', async () => {
  const client = await house.connect()
  const rubbish = Uint8Array.of(0xff)
  for (const [event, text] of [
    ['module/upload', 'Only authenticated users can upload module'],
    ['stream/create', 'Only authenticated users can create_streams'],
    ['stream/update_module', 'Only the stream creator can update its module'],
    ['stream/event_batch', 'Only authenticated users can send events'],
    ['stream/state_event_batch', 'Only authenticated users can send state events'],
    ['stream/clear_state', 'Only authenticated users can clear state'],
    ['stream/set_handle', 'Only the stream creator can update its handle'],
    ['admin/list_streams', 'Authentication required'],
  ] as const)
    assert.deepEqual(await call(client, event, rubbish), no(text), event)
  assert.deepEqual(streams.calls, [])
})

test('nobody may read: what the SQL allows is the SQL’s to say', async () => {
  const client = await house.connect()
  assert.ok((await call(client, 'module/exists', { moduleCid: cid })).ok)
  assert.ok((await call(client, 'stream/info', { streamDid })).ok)
  assert.ok((await call(client, 'stream/query', { streamDid, query })).ok)
  assert.ok((await call(client, 'stream/subscribe_events', { streamDid, query })).ok)
  assert.deepEqual(streams.calls.find(([name]) => name === 'query')?.[1], { did: null, unsafe: false })
})

test('all streams are listed for the server itself', async () => {
  const admin = await house.connect(unsafeToken)
  assert.deepEqual(plain(await call(admin, 'admin/list_streams', {})), ok({ streams: [{ did: streamDid }] }))
  const alice = await house.connect(house.alice.token())
  assert.deepEqual(await call(alice, 'admin/list_streams', {}), no('Only the server admin can list all DIDs'))
})

test('what the engine refuses is the answer, and what breaks says nothing of itself', async () => {
  const client = await house.connect(house.alice.token())
  const text = 'Error while running stream module: SQLite failure: `Unauthorized: members only`'
  streams.failure = new Refusal('invalid', text)
  assert.deepEqual(await call(client, 'stream/event_batch', { streamDid, events: [] }), no(text))
  streams.failure = new Error('the secret inside')
  const reply = await call(client, 'stream/event_batch', { streamDid, events: [] })
  assert.deepEqual(reply, no('something broke on this server; nothing of yours was lost'))
})

test('arguments that are none are answered with what was expected', async () => {
  const client = await house.connect(house.alice.token())
  const bad = async (event: string, argument: unknown, expected: RegExp) => {
    const reply = await call(client, event, argument)
    assert.ok(!reply.ok, event)
    assert.match(reply.error, expected)
  }
  await bad('stream/info', new Uint8Array(0), /at 0/)
  await bad('stream/info', Uint8Array.of(0xff), /at 0/)
  await bad('stream/info', 5, /expected a map/)
  await bad('stream/info', {}, /streamDid/)
  await bad('stream/info', { streamDid: 'did:web:example.com' }, /streamDid: expected a did:plc/)
  await bad('stream/info', { streamDid: 'did:plc:short' }, /streamDid/)
  await bad('module/exists', { moduleCid }, /moduleCid: expected a CID/)
  await bad('stream/query', { streamDid, query: { name: 'a' } }, /params/)
  await bad('stream/query', { streamDid, query: { ...query, limit: null } }, /limit/)
  await bad('stream/event_batch', { streamDid, events: ['text'] }, /events.0/)
  await bad('stream/create', { moduleCid: cid, clientStamp: 'x' }, /clientStamp/)
  for (const argument of ['text', 5, null, [1], { a: 1 }]) {
    const reply: Uint8Array = await client.timeout(5000).emitWithAck('stream/info', argument)
    assert.match(Buffer.from(reply).toString(), /expected one argument of bytes/)
  }
})

test('bytes of strangers never do anything but answer with Err', async () => {
  const client = await house.connect(house.alice.token())
  const events = ['stream/info', 'stream/query', 'stream/event_batch', 'module/upload', 'stream/create']
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(...events), async (bytes, event) => {
      const reply = await call(client, event, bytes)
      assert.equal(reply.ok, false)
    }),
    { numRuns: 200 },
  )
  assert.deepEqual(streams.calls, [])
})

test('what is too large is refused before it is read', async () => {
  const client = await house.connect(house.alice.token())
  const bytes = (length: number) => new Uint8Array(length)
  assert.deepEqual(
    await call(client, 'module/upload', bytes(10 * 1024 * 1024 + 1)),
    no('Module larger than 10MB maximum size.'),
  )
  for (const [event, length] of [
    ['stream/event_batch', 3 * 1024 * 1024],
    ['stream/state_event_batch', 3 * 1024 * 1024],
    ['stream/query', 2 * 1024 * 1024],
  ] as const) {
    const reply = await call(client, event, bytes(length))
    assert.ok(!reply.ok)
    assert.match(reply.error, /expected at most \d+ bytes/)
  }
  // The connection is as good as before.
  assert.ok((await call(client, 'stream/info', { streamDid })).ok)
})

test('a module of nearly 10 MiB and a batch of 2 MiB arrive, over WebSocket and over polling', async () => {
  for (const transports of [['websocket'], ['polling']]) {
    const client = await house.connect(house.alice.token(), { transports })
    const module = { $type: 'x', initSql: 'x'.repeat(10 * 1024 * 1024 - 100) }
    assert.ok((await call(client, 'module/upload', { module })).ok)
    const events = [new Uint8Array(2 * 1024 * 1024)]
    assert.ok((await call(client, 'stream/event_batch', { streamDid, events })).ok)
  }
})

test('a token that is refused is told in one sentence, and the connection ends', async () => {
  const expired = house.alice.token({ exp: 1 })
  await assert.rejects(house.connect(expired), /^Error: Error validating auth token: JWT token has expired$/)
})

test('whoever sends no token, or none that is text, is nobody', async () => {
  for (const token of [undefined, null, 5, { a: 1 }, ['x']]) {
    const client = await house.connect(token)
    const reply = await call(client, 'stream/create', { moduleCid: cid })
    assert.deepEqual(reply, no('Only authenticated users can create_streams'))
  }
})

test('calls that come before it is known who calls wait for it', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const slow = await openTestDoor()
  const { documents, alice } = slow
  const document = documents.get(alice.did)
  // The first look-up waits for us.
  Object.defineProperty(documents, 'get', { value: () => promise.then(() => document) })
  const { io } = await import('socket.io-client')
  const parser = await import('socket.io-msgpack-parser')
  const client = io(slow.url, { parser, auth: { token: alice.token() }, forceNew: true })
  await new Promise<void>(connected => client.once('connect', connected))
  const reply = call(client, 'stream/event_batch', { streamDid, events: [] })
  const early = await Promise.race([reply, new Promise(done => setImmediate(() => done('nothing yet')))])
  assert.equal(early, 'nothing yet')
  resolve()
  assert.deepEqual(await reply, ok(null))
  assert.deepEqual(slow.streams.calls[0]?.[1], {
    stream: streamDid,
    caller: { did: alice.did, unsafe: false },
    events: [],
  })
  client.disconnect()
  await slow.stop()
})

test('calls of one connection begin in their order', async () => {
  const client = await house.connect(house.alice.token())
  const replies = Array.from({ length: 200 }, (_, index) =>
    call(client, 'stream/event_batch', { streamDid, events: [Uint8Array.of(index)] }),
  )
  await Promise.all(replies)
  const order = streams.calls.map(([, request]) => (request as { events: Uint8Array[] }).events[0]?.[0])
  assert.deepEqual(order, [...Array(200).keys()])
})

test('attempts to create are counted before anything else, and refused as the seed says', async () => {
  const strict = await openTestDoor({ settings: { createLimit: 2 } })
  const client = await strict.connect(strict.alice.token())
  await call(client, 'stream/create', Uint8Array.of(0xff))
  await call(client, 'stream/create', { moduleCid: cid })
  const reply = await call(client, 'stream/create', Uint8Array.of(0xff))
  assert.ok(!reply.ok)
  assert.partialDeepStrictEqual(JSON.parse(reply.error), {
    code: 'rate_limited',
    endpoint: 'stream/create',
    attemptsInWindow: 3,
    limit: 2,
  })
  // All connections of one DID share their count.
  const other = await strict.connect(strict.alice.token())
  assert.ok(!(await call(other, 'stream/create', { moduleCid: cid })).ok)
  await strict.stop()
})

test('subscriptions end and are given back when the connection ends', async () => {
  const strict = await openTestDoor({ settings: { activeMax: 2 } })
  const client = await strict.connect(strict.alice.token())
  assert.ok((await call(client, 'stream/subscribe_events', { streamDid, query })).ok)
  assert.ok((await call(client, 'stream/subscribe_events', { streamDid, query })).ok)
  const third = await call(client, 'stream/subscribe_events', { streamDid, query })
  assert.ok(!third.ok && JSON.parse(third.error).reason === 'active')
  const ended = strict.streams.subscribed.map(
    ({ signal }) => new Promise(resolve => signal.addEventListener('abort', resolve)),
  )
  client.disconnect()
  await Promise.all(ended)
  assert.equal(strict.door.counts().subscriptions, 0)
  const again = await strict.connect(strict.alice.token())
  assert.ok((await call(again, 'stream/subscribe_events', { streamDid, query })).ok)
  await strict.stop()
})

test('a subscription that the engine refuses is given back', async () => {
  const strict = await openTestDoor({ settings: { activeMax: 1 } })
  const client = await strict.connect(strict.alice.token())
  strict.streams.failure = new Refusal('missing', 'Stream not found')
  assert.ok(!(await call(client, 'stream/subscribe_events', { streamDid, query })).ok)
  assert.ok(!(await call(client, 'stream/subscribe_events', Uint8Array.of(0xff))).ok)
  strict.streams.failure = undefined
  assert.ok((await call(client, 'stream/subscribe_events', { streamDid, query })).ok)
  await strict.stop()
})

test('when the server stops, calls under way are answered first', async () => {
  const stopping = await openTestDoor()
  const client = await stopping.connect(stopping.alice.token())
  const { promise, resolve } = Promise.withResolvers<void>()
  stopping.streams.hold = promise
  const reply = call(client, 'stream/event_batch', { streamDid, events: [] })
  while (stopping.streams.calls.length === 0) await new Promise(setImmediate)
  const stopped = stopping.door.stop(5000)
  resolve()
  assert.deepEqual(await reply, ok(null))
  await stopped
  await stopping.stop()
})
