import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { william3 } from '@leaf/codec/william3'
import { communalCapability } from '../meadowcap/capability.ts'
import { createVerifier, delegate } from '../meadowcap/verify.ts'
import type { EntryStore } from '../store/contract.ts'
import { createStore } from '../store/engine.ts'
import { memoryBacking } from '../store/memory.ts'
import {
  credulous,
  ed25519,
  namespace,
  pathOf,
  personOf,
  signed,
  text,
  unsigned,
} from '../store/test-entries.ts'
import { allTimes, subspaceArea } from '../willow/area.ts'
import { type SyncMemory, type SyncOptions, type SyncStatus, syncWith } from './client.ts'
import { syncLimits } from './contract.ts'
import { memoryTransport } from './memory-transport.ts'
import { type ServeOptions, serveSync } from './server.ts'

const random = (length: number) => new Uint8Array(randomBytes(length))
const verifier = createVerifier(ed25519)
const alice = await personOf('alice')
const bob = await personOf('bob')
const own = {
  namespace,
  capability: communalCapability('read', namespace, alice.publicKey),
  area: subspaceArea(alice.publicKey),
}
const whole = { namespace, start: new Uint8Array(), end: undefined }
const open = () => createStore({ backing: memoryBacking(), verifier, random })

function memoryOf(): SyncMemory {
  const notes = new Map<string, string>()
  return { load: async name => notes.get(name), save: async (name, value) => void notes.set(name, value) }
}

async function put(
  store: EntryStore,
  person: typeof alice,
  items: readonly (readonly [path: string, timestamp: bigint, payload: Uint8Array])[],
): Promise<void> {
  await store.ingest(
    await Promise.all(
      items.map(([path, timestamp, payload]) =>
        signed(person, { path: pathOf(...path.split('/')), timestamp, payload }),
      ),
    ),
  )
  for (const [, , payload] of items) {
    await store.putPayload(william3(payload), payload)
  }
}

interface More {
  readonly asking?: Partial<SyncOptions>
  readonly serving?: Partial<ServeOptions>
}

async function sync(client: EntryStore, server: EntryStore, { asking, serving }: More = {}) {
  const transport = memoryTransport()
  const served = serveSync({
    store: server,
    transport: transport.server,
    ed25519,
    verifier,
    random,
    serverName: 'leaf.test',
    serverKey: new Uint8Array(32),
    isPublic: async () => false,
    ingest: () => ({}),
    wants: () => true,
    signal: new AbortController().signal,
    ...serving,
  })
  const result = await syncWith({
    store: client,
    transport: transport.client,
    ed25519,
    random,
    key: alice,
    serverName: 'leaf.test',
    areas: [own],
    memory: memoryOf(),
    live: false,
    signal: new AbortController().signal,
    ...asking,
  })
  return { ...result, why: await served, bytes: transport.bytes }
}

const pathsOf = async (store: EntryStore) =>
  (await store.page({ range: whole, limit: 10_000 })).entries.map(({ entry }) =>
    entry.path.map(one => Buffer.from(one).toString()).join('/'),
  )
const missing = async (store: EntryStore) =>
  (await store.page({ range: whole, limit: 10_000 })).entries.filter(({ hasPayload }) => !hasPayload).length

test('more payloads than there is credit for cross one another, both ways at once', async () => {
  const [client, server] = [open(), open()]
  const large = (name: string) =>
    Array.from({ length: 40 }, (_, index) => [`${name}${index}`, 1n, random(150_000)] as const)
  await put(client, alice, large('c'))
  await put(server, alice, large('s'))
  await sync(client, server)
  assert.equal((await client.summary(whole)).count, 80)
  assert.deepEqual(await client.summary(whole), await server.summary(whole))
  assert.deepEqual([await missing(client), await missing(server)], [0, 0])
})

test('what came from the other side is not sent back, in the same connection or the next', async () => {
  const [client, server] = [open(), open()]
  const memory = memoryOf()
  await put(
    server,
    alice,
    Array.from({ length: 400 }, (_, index) => [`s${index}`, 1n, text('x')] as const),
  )
  await put(
    client,
    alice,
    Array.from({ length: 400 }, (_, index) => [`c${index}`, 1n, text('x')] as const),
  )
  const first = await sync(client, server, { asking: { memory } })
  assert.deepEqual([first.sent, first.received], [400, 400])
  const second = await sync(client, server, { asking: { memory } })
  assert.deepEqual([second.sent, second.received, second.rounds], [0, 0, 1])
  assert.ok(second.bytes.toServer + second.bytes.toClient < 1024, JSON.stringify(second.bytes))
})

test('an area of some times alone is kept equal, and nothing else of it', async () => {
  const [client, server] = [open(), open()]
  const entries = Array.from({ length: 300 }, (_, index) => [`p${index}`, BigInt(index), text('x')] as const)
  await put(server, alice, entries)
  await put(client, alice, entries.slice(0, 150))
  const area = { ...own.area, times: { start: 100n, end: 200n } }
  await sync(client, server, { asking: { areas: [{ ...own, area }] } })
  const { entries: here } = await client.page({ range: whole, limit: 1000 })
  assert.deepEqual(
    here.map(({ entry }) => Number(entry.timestamp)).toSorted((a, b) => a - b),
    Array.from({ length: 200 }, (_, index) => index),
  )
})

test('a delegated prefix is kept equal; what stands beside it stays where it is', async () => {
  const [client, server] = [open(), open()]
  await put(server, bob, [
    ['shared/a', 1n, text('a')],
    ['shared/b', 1n, text('b')],
    ['diary', 1n, text('c')],
  ])
  const full = communalCapability('read', namespace, bob.publicKey)
  const area = { subspace: bob.publicKey, path: pathOf('shared'), times: allTimes }
  const capability = await delegate(ed25519, full, bob, { area, user: alice.publicKey })
  const result = await sync(client, server, { asking: { areas: [{ namespace, area, capability }] } })
  assert.deepEqual(result.served, [true])
  assert.deepEqual(await pathsOf(client), ['shared/a', 'shared/b'])
})

test('what the server refuses is told, and the rest is taken', async () => {
  const [client, server] = [open(), open()]
  await put(client, alice, [
    ['now', 5n, text('a')],
    ['later', 500n, text('b')],
    ['much later', 5000n, text('c')],
  ])
  const result = await sync(client, server, { serving: { ingest: () => ({ timestampMax: 100n }) } })
  assert.deepEqual(result.refused, { entries: 2, code: 'future' })
  assert.deepEqual(await pathsOf(server), ['now'])
})

test('payloads that are not wanted stay where they are', async () => {
  const [client, server] = [open(), open()]
  await put(server, alice, [['large', 1n, random(syncLimits.inlineBytesMax + 1)]])
  await sync(client, server, { asking: { wants: () => false } })
  assert.equal(await missing(client), 1)
})

test('more payloads are missing than are remembered: all come', async () => {
  const believing = () => createStore({ backing: memoryBacking(), verifier: credulous, random })
  const [client, server] = [believing(), believing()]
  const count = syncLimits.missingMax + 300
  const payloads = Array.from({ length: count }, (_, index) => {
    const bytes = new Uint8Array(syncLimits.inlineBytesMax + 1)
    new DataView(bytes.buffer).setUint32(0, index)
    return bytes
  })
  const entries = payloads.map((payload, index) =>
    unsigned(alice.publicKey, { path: pathOf(`p${index}`), timestamp: 1n, payload }),
  )
  for (let at = 0; at < count; at += 1000) await server.ingest(entries.slice(at, at + 1000))
  for (const [index, payload] of payloads.entries())
    await server.putPayload(entries[index]?.entry.digest ?? payload, payload)
  await sync(client, server)
  assert.equal((await client.summary(whole)).count, count)
  assert.equal(await missing(client), 0)
})

test('a live client hears of what comes between its last round and its wish to follow', async () => {
  const [client, server] = [open(), open()]
  await put(server, alice, [['before', 1n, text('a')]])
  const stop = new AbortController()
  const phases: SyncStatus['phase'][] = []
  const arrived = Promise.withResolvers<void>()
  const onStatus = ({ phase, received }: SyncStatus) => {
    phases.push(phase)
    if (phase === 'equal') void put(server, alice, [['between', 1n, text('b')]])
    if (received === 2) arrived.resolve()
  }
  const syncing = sync(client, server, { asking: { live: true, signal: stop.signal, onStatus } })
  await arrived.promise
  stop.abort()
  const result = await syncing
  assert.deepEqual(await pathsOf(client), ['before', 'between'])
  assert.equal(result.why, undefined)
  assert.ok(phases.includes('live'))
  assert.equal(phases.at(-1), 'ended')
})

test('a server that stops tells its clients so', async () => {
  const stop = new AbortController()
  const onStatus = ({ phase }: SyncStatus) => {
    if (phase === 'live') stop.abort()
  }
  await assert.rejects(
    sync(open(), open(), { asking: { live: true, onStatus }, serving: { signal: stop.signal } }),
    { code: 'unavailable', message: 'the server is stopping' },
  )
})
