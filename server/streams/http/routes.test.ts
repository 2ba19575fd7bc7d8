import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { decodeDrisl, encodeDrisl } from '@leaf/codec/drisl'
import { createManualClock } from '../../kernel/clock.ts'
import { openTestDoor, serverDid, type TestDoor } from '../test-door.ts'
import { moduleCid, streamDid } from '../socket/test-streams.ts'

let house: TestDoor
before(async () => {
  house = await openTestDoor({
    settings: { readLimit: 100_000, liveReadersMax: 3, liveReadersPerAddressMax: 3 },
  })
})
after(() => house.stop())
beforeEach(() => {
  house.streams.publicLog = true
  house.streams.log.length = 0
})

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${house.url}/streams/${path}`, { headers })
const json = async (path: string, headers: Record<string, string> = {}) => (await get(path, headers)).json()
const append = (count: number) =>
  house.streams.append({
    stream: streamDid,
    caller: { did: house.alice.did, unsafe: false },
    events: Array.from({ length: count }, (_, index) => Uint8Array.of(index)),
  })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

test('a stream tells what it is, and its head to those who may read it', async () => {
  await append(3)
  const shown = { did: streamDid, moduleCid, clientStamp: null }
  assert.deepEqual(await json(streamDid), { ...shown, publicLog: true, head: 3 })
  house.streams.publicLog = false
  assert.deepEqual(await json(streamDid), { ...shown, publicLog: false })
  const owner = await json(streamDid, bearer(house.alice.token()))
  assert.deepEqual(owner, { ...shown, publicLog: false, head: 3 })
})

test('the log comes in pages that say where the next begins', async () => {
  await append(5)
  const first = await get(`${streamDid}/events?after=0&limit=2`)
  assert.equal(first.headers.get('stream-next-offset'), '2')
  assert.equal(first.headers.get('stream-head'), '5')
  assert.equal(first.headers.get('stream-up-to-date'), 'false')
  const { events } = (await first.json()) as { events: Record<string, unknown>[] }
  assert.deepEqual(
    events.map(({ idx }) => idx),
    [1, 2],
  )
  assert.deepEqual(Object.keys(events[0]!), ['idx', 'user', 'payload', 'signature', 'prevHash'])
  assert.equal(events[1]?.['payload'], 'AQ==')
  const last = await get(`${streamDid}/events?after=4&limit=2`)
  assert.equal(last.headers.get('stream-next-offset'), '5')
  assert.equal(last.headers.get('stream-up-to-date'), 'true')
})

test('a page that nothing can be added to is kept for ever, another is not kept at all', async () => {
  await append(5)
  const path = `${streamDid}/events?after=0&limit=5`
  const full = await get(path)
  assert.equal(full.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  const etag = full.headers.get('etag') ?? ''
  assert.match(etag, /^"[\w-]+"$/)
  const again = await get(path, { 'if-none-match': etag })
  assert.equal(again.status, 304)
  assert.equal(await again.text(), '')
  const open = await get(`${streamDid}/events?after=0&limit=6`)
  assert.equal(open.headers.get('cache-control'), 'no-store')
  assert.equal(open.headers.get('etag'), null)
  house.streams.publicLog = false
  const owners = await get(path, bearer(house.alice.token()))
  assert.equal(owners.headers.get('cache-control'), 'private, max-age=31536000, immutable')
})

test('the log comes in DRISL to those who ask for it', async () => {
  await append(1)
  const response = await get(`${streamDid}/events`, { accept: 'application/vnd.ipld.dag-cbor' })
  assert.equal(response.headers.get('content-type'), 'application/vnd.ipld.dag-cbor')
  const { events } = decodeDrisl(await response.bytes()) as { events: Record<string, unknown>[] }
  assert.deepEqual(events[0]?.['payload'], Uint8Array.of(0))
})

test('a log that is not public is for its owners', async () => {
  house.streams.publicLog = false
  assert.equal((await get(`${streamDid}/events`)).status, 401)
  assert.equal((await get(`${streamDid}/events`, bearer(house.alice.token()))).status, 200)
  const bad = await get(`${streamDid}/events`, bearer(house.alice.token({ exp: 1 })))
  assert.equal(bad.status, 401)
  assert.match(await bad.text(), /JWT token has expired/)
  assert.equal((await get(`${streamDid}/events`, { authorization: 'Basic x' })).status, 401)
})

test('what is asked wrongly is told with what was expected', async () => {
  for (const [path, status] of [
    ['did:web:example.com', 404],
    ['did:plc:short/events', 404],
    ['did:plc:zzzzzzzzzzzzzzzzzzzzzzzz/events', 404],
    [`${streamDid}/nothing`, 404],
    [`${streamDid}/queries`, 404],
    ['%E0%A4%A', 404],
    [`${streamDid}/events?after=-1`, 400],
    [`${streamDid}/events?after=x`, 400],
    [`${streamDid}/events?limit=0`, 400],
    [`${streamDid}/events?limit=1001`, 400],
    [`${streamDid}/events?live=yes`, 400],
    [`${streamDid}/queries/a?n:integer=x`, 400],
    [`${streamDid}/queries/a?n:integer=9223372036854775808`, 400],
    [`${streamDid}/queries/a?n:real=`, 400],
    [`${streamDid}/queries/a?n:color=red`, 400],
    [`${streamDid}/queries/a?n:blob=*`, 400],
  ] as const) {
    const response = await get(path)
    assert.equal(response.status, status, `${path}: ${await response.text()}`)
    assert.equal(response.headers.get('access-control-allow-origin'), '*')
  }
  const posted = await fetch(`${house.url}/streams/${streamDid}`, { method: 'POST' })
  assert.equal(posted.status, 405)
})

test('a long poll waits for the next event, and answers with it', async () => {
  await append(1)
  const waiting = get(`${streamDid}/events?after=1&live=long-poll`)
  while (!(await isWaiting(1))) await new Promise(setImmediate)
  await append(1)
  const { events } = (await (await waiting).json()) as { events: { idx: number }[] }
  assert.deepEqual(
    events.map(({ idx }) => idx),
    [2],
  )
})

test('a long poll that nothing comes of ends with an empty page', async () => {
  const clock = createManualClock()
  const other = await openTestDoor({ clock })
  let held = false
  const { waitPast } = other.streams
  other.streams.waitPast = (...args) => {
    held = true
    return waitPast(...args)
  }
  const waiting = fetch(`${other.url}/streams/${streamDid}/events?live=long-poll`)
  while (!held) await new Promise(setImmediate)
  clock.advance(25_000)
  const response = await waiting
  assert.deepEqual(await response.json(), { events: [] })
  assert.equal(response.headers.get('stream-next-offset'), '0')
  await other.stop()
})

test('server-sent events follow the log, and go on after the last that was seen', async () => {
  await append(2)
  const first = await sse(`${streamDid}/events?live=sse`, 2)
  assert.deepEqual(first.ids, [1, 2])
  assert.equal(first.type, 'text/event-stream')
  const second = sse(`${streamDid}/events?live=sse`, 2, { 'last-event-id': '1' })
  while (!(await isWaiting(1))) await new Promise(setImmediate)
  await append(1)
  assert.deepEqual((await second).ids, [2, 3])
})

test('readers that wait are bounded, and give back their places', async () => {
  const controller = new AbortController()
  const { signal } = controller
  const url = `${house.url}/streams/${streamDid}/events?live=sse&after=1000`
  const open = await Promise.all([fetch(url, { signal }), fetch(url, { signal }), fetch(url, { signal })])
  assert.equal((await get(`${streamDid}/events?live=sse`)).status, 429)
  const bodies = open.map(response => response.text().catch(() => 'gone'))
  controller.abort()
  await Promise.all(bodies)
  while (!(await isWaiting(0))) await new Promise(setImmediate)
  assert.equal((await sse(`${streamDid}/events?live=sse`, 0)).type, 'text/event-stream')
})

test('a query takes its parameters from the address and answers in JSON or DRISL', async () => {
  const value = (kind: string, inner: unknown) => ({ $type: `muni.town.sqliteValue.${kind}`, value: inner })
  house.streams.rows = [
    {
      t: value('text', 'x') as never,
      i: value('integer', 5) as never,
      b: value('blob', Uint8Array.of(1)) as never,
    },
    { t: { $type: 'muni.town.sqliteValue.null' } },
  ]
  house.streams.calls.length = 0
  const path = `${streamDid}/queries/rooms?room=a&n:integer=-5&r:real=1.5&k:blob=AQ&z:null=&limit:text=3&start=2&limit=7`
  assert.deepEqual(await json(path), { rows: [{ t: 'x', i: 5, b: { $bytes: 'AQ==' } }, { t: null }] })
  assert.deepEqual(house.streams.calls[0], [
    'query',
    { did: null, unsafe: false },
    streamDid,
    {
      name: 'rooms',
      start: 2,
      limit: 7,
      params: new Map<string, unknown>([
        ['room', { kind: 'text', value: 'a' }],
        ['n', { kind: 'integer', value: -5n }],
        ['r', { kind: 'real', value: 1.5 }],
        ['k', { kind: 'blob', value: Buffer.of(1) }],
        ['z', { kind: 'null' }],
        ['limit', { kind: 'text', value: '3' }],
      ]),
    },
  ])
  const drisl = await get(`${streamDid}/queries/rooms`, { accept: 'application/vnd.ipld.dag-cbor' })
  assert.deepEqual(await drisl.bytes(), encodeDrisl(house.streams.rows))
})

test('pages of other origins may read, with a token too', async () => {
  const asked = await fetch(`${house.url}/streams/${streamDid}/events`, { method: 'OPTIONS' })
  assert.equal(asked.status, 204)
  assert.match(asked.headers.get('access-control-allow-headers') ?? '', /authorization/)
  const response = await get(`${streamDid}/events`)
  assert.match(response.headers.get('access-control-expose-headers') ?? '', /stream-next-offset/)
})

test('reads of one address are limited', async () => {
  const strict = await openTestDoor({ settings: { readLimit: 2 } })
  const path = `${strict.url}/streams/${streamDid}`
  assert.deepEqual([(await fetch(path)).status, (await fetch(path)).status], [200, 200])
  const third = await fetch(path)
  assert.equal(third.status, 429)
  assert.equal(third.headers.get('retry-after'), '60')
  await strict.stop()
})

test('the listener of its own serves what upstream serves beside sockets', async () => {
  assert.equal(await (await fetch(`${house.url}/anything`)).text(), 'Leaf Server API')
  const token = await fetch(`${house.url}/xrpc/space.roomy.token.v0`, { method: 'POST' })
  assert.equal(await token.text(), 'token')
  const document = await (await fetch(`${house.url}/.well-known/did.json`)).json()
  assert.deepEqual(document, {
    '@context': ['https://www.w3.org/ns/did/v1'],
    id: serverDid,
    service: [{ id: '#leaf_server', type: 'LeafServer', serviceEndpoint: 'http://localhost' }],
  })
})

test('a stop ends those who wait', async () => {
  const other = await openTestDoor()
  const waiting = await fetch(`${other.url}/streams/${streamDid}/events?live=sse`)
  const text = waiting.text()
  await other.door.stop(100)
  await text
  await other.stop()
})

const isWaiting = async (count: number) => house.door.counts().readers === count

/** Reads until `count` events have come. */
async function sse(path: string, count: number, headers: Record<string, string> = {}) {
  const controller = new AbortController()
  const response = await fetch(`${house.url}/streams/${path}`, { headers, signal: controller.signal })
  const ids: number[] = []
  let text = ''
  const decoder = new TextDecoder()
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true })
      ids.length = 0
      for (const [, id] of text.matchAll(/^id: (\d+)\ndata: .*\n$/gm)) ids.push(Number(id))
      if (ids.length >= count) controller.abort()
    }
  } catch {
    assert.ok(controller.signal.aborted)
  }
  return { ids, type: response.headers.get('content-type') }
}
