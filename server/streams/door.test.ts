/** The published client through the door to the engine; hosts are stand-ins. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { encodeEventBatch } from '@leaf/streams/wire'
import { type BasicModule, LeafClient, type LeafQuery } from '@muni-town/leaf-client'
import { createTestHosts, denied } from './stream/test-hosts.ts'
import { bytes, openHouse, type House, until } from './stream/test-house.ts'
import {
  call,
  newPerson,
  documentOf,
  openTestDoor,
  type TestDoor,
  type TestPerson,
  unsafeToken,
} from './test-door.ts'

let house: House
let door: TestDoor
let bob: TestPerson
before(async () => {
  house = await openHouse(createTestHosts)
  door = await openTestDoor({ streams: house.engine, settings: { createLimit: 100_000 } })
  bob = newPerson('did:plc:dddddddddddddddddddddddd')
  door.documents.set(bob.did, documentOf(bob.did, { atproto: bob.key }))
})
after(async () => {
  await door.stop()
  await house.close()
})

const module: BasicModule = {
  $type: 'muni.town.leaf.module.basic.v0',
  initSql: '',
  authorizer: '',
  materializer: '',
  stateInitSql: '',
  queries: [{ name: 'all', sql: 'select 1', params: [] }],
}
const publicModule: BasicModule = Object.assign({}, module, { publicLog: true })
const all: LeafQuery = { name: 'all', params: {} }

async function client(token?: string): Promise<LeafClient> {
  const one = token === undefined ? new LeafClient(door.url) : new LeafClient(door.url, async () => token)
  await new Promise<void>(resolve => one.on('authenticated', () => resolve()))
  return one
}
async function newStream(by: LeafClient, definition = module): Promise<string> {
  const { moduleCid } = await by.uploadModule(definition)
  return (await by.createStream(moduleCid)).streamDid
}
/** Rows of the stand-in are texts. */
const texts = (rows: unknown): string[] => Object.values(rows as object).map(String)

test('a stranger uploads a module, creates a stream, appends, and reads it', async () => {
  const alice = await client(door.alice.token())
  const { moduleCid } = await alice.uploadModule(module)
  assert.equal(moduleCid, await LeafClient.moduleCid(module))
  assert.ok(await alice.hasModule(moduleCid))
  const { streamDid } = await alice.createStream(moduleCid)
  assert.match(streamDid, /^did:plc:[a-z2-7]{24}$/)
  assert.deepEqual(await alice.streamInfo(streamDid), { moduleCid })
  await alice.sendEvent(streamDid, bytes('one'))
  await alice.sendEvents(streamDid, [bytes('two'), bytes('three')])
  await alice.sendEvents(streamDid, [])
  assert.deepEqual(texts(await alice.query(streamDid, all)), ['one', 'two', 'three'])
  assert.deepEqual(texts(await alice.query(streamDid, { ...all, start: 2, limit: 1 })), ['two'])
  await alice.sendStateEvents(streamDid, [bytes('read')])
  assert.deepEqual(house.hosts.stateOf(streamDid), ['read'])
  await alice.clearState(streamDid)
  alice.disconnect()
})

test('a subscription follows: first what is there, then what comes, also batches that have nothing for it', async () => {
  const alice = await client(door.alice.token())
  const reader = await client()
  const stream = await newStream(alice)
  await alice.sendEvents(stream, [bytes('a'), bytes('b'), bytes('c')])
  const pages: { rows: string[]; more: boolean }[] = []
  const end = await reader.subscribeEvents(stream, { ...all, start: 1, limit: 2 }, result => {
    assert.ok('Ok' in result)
    pages.push({ rows: texts(result.Ok.rows), more: result.Ok.has_more })
  })
  await until(() => pages.length === 2)
  await alice.sendEvent(stream, bytes('d'))
  await until(() => pages.length === 3)
  await alice.sendStateEvents(stream, [bytes('read')])
  await until(() => pages.length === 4)
  assert.deepEqual(pages, [
    { rows: ['a', 'b'], more: true },
    { rows: ['c'], more: false },
    { rows: ['d'], more: false },
    { rows: [], more: false },
  ])
  await end()
  await alice.sendEvent(stream, bytes('e'))
  assert.equal(pages.length, 4)
  alice.disconnect()
  reader.disconnect()
})

test('who may not is told in upstream’s words', async () => {
  const alice = await client(door.alice.token())
  const other = await client(bob.token())
  const nobody = await client()
  const stream = await newStream(alice)
  const refused = (promise: Promise<unknown>, message: string) => assert.rejects(promise, { message })
  await refused(alice.sendEvent(stream, bytes('deny')), denied)
  await refused(nobody.sendEvent(stream, bytes('x')), 'Only authenticated users can send events')
  await refused(other.setHandle(stream, 'a.example.com'), 'Only a stream owner can set its handle')
  const { moduleCid } = await other.uploadModule(publicModule)
  await refused(other.updateModule(stream, moduleCid), 'Only a stream owner can update its module')
  await refused(
    other.sendEvent(stream, bytes('x'), door.alice.did),
    'user_override is only allowed for trusted (unsafe_auth_token) connections',
  )
  await refused(alice.listStreams(), 'Only the server admin can list all DIDs')
  const unknown = 'did:plc:zzzzzzzzzzzzzzzzzzzzzzzz'
  await refused(alice.streamInfo(unknown), `Stream not found: ${unknown}`)
  const none = await LeafClient.moduleCid({ ...module, initSql: 'never uploaded' })
  await refused(
    alice.createStream(none),
    `Module not found, it must be uploaded before creating a stream with it: ${none}`,
  )
  assert.equal(house.hosts.logOf(stream).length, 0)
  for (const one of [alice, other, nobody]) one.disconnect()
})

test('the server itself sends in the name of others, and lists every stream', async () => {
  const alice = await client(door.alice.token())
  const server = await client(unsafeToken)
  const stream = await newStream(alice)
  await server.sendEvent(stream, bytes('x'), bob.did)
  const [event] = await house.engine.readLog(stream, 0, 10, 1000)
  assert.equal(event?.user, bob.did)
  assert.ok((await server.listStreams()).some(({ did }) => did === stream))
  alice.disconnect()
  server.disconnect()
})

test('a log that its module makes public is read over HTTP by everybody, another by its owner', async () => {
  const alice = await client(door.alice.token())
  const open = await newStream(alice, publicModule)
  const closed = await newStream(alice)
  for (const stream of [open, closed]) await alice.sendEvents(stream, [bytes('one'), bytes('two')])
  const url = (stream: string) => `${door.url}/streams/${stream}/events?limit=2`
  const headers = { authorization: `Bearer ${door.alice.token()}` }
  const page = await fetch(url(open))
  const { events } = (await page.json()) as { events: { payload: string; prevHash: string }[] }
  assert.deepEqual(
    events.map(({ payload }) => Buffer.from(payload, 'base64').toString()),
    ['one', 'two'],
  )
  assert.equal(events[0]?.prevHash, Buffer.alloc(32).toString('base64'))
  assert.match(page.headers.get('cache-control') ?? '', /^public.*immutable$/)
  assert.equal((await fetch(url(closed))).status, 401)
  assert.equal((await fetch(url(closed), { headers })).status, 200)
  assert.equal(
    (await fetch(url(closed), { headers: { authorization: `Bearer ${bob.token()}` } })).status,
    403,
  )
  assert.equal((await fetch(url('did:plc:zzzzzzzzzzzzzzzzzzzzzzzz'))).status, 404)
  alice.disconnect()
})

test('a reader who waits hears of an append', async () => {
  const alice = await client(door.alice.token())
  const stream = await newStream(alice, publicModule)
  const waiting = fetch(`${door.url}/streams/${stream}/events?live=long-poll`)
  await until(() => door.door.counts().readers === 1)
  await alice.sendEvent(stream, bytes('now'))
  const { events } = (await (await waiting).json()) as { events: { idx: number }[] }
  assert.equal(events[0]?.idx, 1)
  alice.disconnect()
})

test('forty idle subscribes and twenty backfills lose nothing', async () => {
  const alice = await client(door.alice.token())
  const stream = await newStream(alice)
  const sent = Array.from({ length: 300 }, (_, index) => `event ${index}`)
  await alice.sendEvents(stream, sent.map(bytes))
  const backfill = (limit: number) =>
    new Promise<string[]>(resolve => {
      const rows: string[] = []
      void alice.subscribeEvents(stream, { ...all, start: 1, limit }, result => {
        assert.ok('Ok' in result)
        rows.push(...texts(result.Ok.rows))
        if (!result.Ok.has_more) resolve(rows)
      })
    })
  for (const rows of await Promise.all(Array.from({ length: 40 }, () => backfill(1000))))
    assert.deepEqual(rows, sent)
  for (const rows of await Promise.all(Array.from({ length: 20 }, () => backfill(10))))
    assert.deepEqual(rows, sent)
  alice.disconnect()
})

test('appends with an id happen once, and only at the head that they expect', async () => {
  const alice = await client(door.alice.token())
  const stream = await newStream(alice)
  const raw = await door.connect(door.alice.token())
  const batch = encodeEventBatch({
    streamDid: stream,
    events: [bytes('x')],
    batchId: 'first',
    expectedIdx: 0,
  })
  assert.ok((await call(raw, 'stream/event_batch', batch)).ok)
  assert.ok((await call(raw, 'stream/event_batch', batch)).ok)
  assert.equal(await house.engine.head(stream), 1)
  const late = encodeEventBatch({ streamDid: stream, events: [bytes('y')], expectedIdx: 0 })
  assert.equal((await call(raw, 'stream/event_batch', late)).ok, false)
  alice.disconnect()
})
