import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { communalCapability } from '../meadowcap/capability.ts'
import { createVerifier } from '../meadowcap/verify.ts'
import type { EntryStore } from '../store/contract.ts'
import { createStore } from '../store/engine.ts'
import { memoryBacking } from '../store/memory.ts'
import { ed25519, namespace, pathOf, personOf, signed, text } from '../store/test-entries.ts'
import { subspaceArea } from '../willow/area.ts'
import { type SyncMemory, type SyncOptions, syncWith } from './client.ts'
import { memoryTransport } from './memory-transport.ts'
import { serveSync } from './server.ts'

const random = (length: number) => new Uint8Array(randomBytes(length))
const verifier = createVerifier(ed25519)
const alice = await personOf('alice')
const area = {
  namespace,
  capability: communalCapability('read', namespace, alice.publicKey),
  area: subspaceArea(alice.publicKey),
}
const whole = { namespace, start: new Uint8Array(), end: undefined }

const open = () => createStore({ backing: memoryBacking(), verifier, random })

function memoryOf(): SyncMemory {
  const notes = new Map<string, string>()
  return {
    load: async name => notes.get(name),
    save: async (name, value) => void notes.set(name, value),
  }
}

async function fill(store: EntryStore, words: readonly string[], timestamp = 1n): Promise<void> {
  const entries = []
  for (const word of words)
    entries.push(await signed(alice, { path: pathOf(word), timestamp, payload: text(`payload of ${word}`) }))
  await store.ingest(entries)
  for (const { entry } of entries) {
    const word = Buffer.from(entry.path[0] ?? []).toString()
    await store.putPayload(entry.digest, text(`payload of ${word}`))
  }
}

async function sync(client: EntryStore, server: EntryStore, more: Partial<SyncOptions> = {}) {
  const transport = memoryTransport()
  const stop = new AbortController()
  const serving = serveSync({
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
    signal: stop.signal,
  })
  const result = await syncWith({
    store: client,
    transport: transport.client,
    ed25519,
    random,
    key: alice,
    serverName: 'leaf.test',
    areas: [area],
    memory: memoryOf(),
    live: false,
    signal: new AbortController().signal,
    ...more,
  })
  const why = await serving
  return { ...result, why, bytes: transport.bytes }
}

async function fingerprintOf(store: EntryStore): Promise<string> {
  const { fingerprint, count } = await store.summary(whole)
  return `${count} ${Buffer.from(fingerprint).toString('hex')}`
}

const words = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)

test('two stores with different entries end with the same ones and their payloads', async () => {
  const [client, server] = [open(), open()]
  await fill(client, words(300, 'a'))
  await fill(server, [...words(250, 'b'), ...words(50, 'a')])
  const result = await sync(client, server)
  assert.equal(await fingerprintOf(client), await fingerprintOf(server))
  assert.equal((await client.summary(whole)).count, 550)
  assert.deepEqual(result.served, [true])
  assert.equal(result.why, undefined)
  for (const store of [client, server]) {
    const { entries } = await store.page({ range: whole, limit: 1000 })
    assert.equal(entries.filter(({ hasPayload }) => !hasPayload).length, 0)
  }
})

test('two equal stores agree in one round and less than a kilobyte', async () => {
  const [client, server] = [open(), open()]
  await fill(client, words(2000, 'x'))
  await fill(server, words(2000, 'x'))
  const result = await sync(client, server)
  assert.equal(result.rounds, 1)
  assert.ok(result.bytes.toClient + result.bytes.toServer < 1024, JSON.stringify(result.bytes))
})

test('after a first sync, news alone travel, both ways', async () => {
  const [client, server] = [open(), open()]
  const memory = memoryOf()
  await fill(server, words(1000, 's'))
  await sync(client, server, { memory })
  await fill(server, words(20, 'news'), 5n)
  await fill(client, words(20, 'mine'), 5n)
  const result = await sync(client, server, { memory })
  assert.equal(await fingerprintOf(client), await fingerprintOf(server))
  assert.equal(result.rounds, 1)
  assert.ok(result.bytes.toClient + result.bytes.toServer < 40_000, JSON.stringify(result.bytes))
})

test('an area of somebody else is not served', async () => {
  const [client, server] = [open(), open()]
  const bob = await personOf('bob')
  await fill(server, words(5, 's'))
  const result = await sync(client, server, { key: bob })
  assert.deepEqual(result.served, [false])
  assert.equal((await client.summary(whole)).count, 0)
})

test('what is written on either side while it is live arrives on the other', async () => {
  const [client, server] = [open(), open()]
  await fill(server, words(3, 's'))
  const stop = new AbortController()
  const arrived = (store: EntryStore, count: number) =>
    new Promise<void>(resolve => {
      const look = async () => {
        if ((await store.summary(whole)).count >= count) resolve()
      }
      store.listen(() => void look())
      void look()
    })
  const live = new Promise<void>(resolve => {
    void sync(client, server, {
      live: true,
      signal: stop.signal,
      onStatus: ({ phase }) => {
        if (phase === 'live') resolve()
      },
    })
  })
  await live
  await fill(server, ['from the server'], 2n)
  await arrived(client, 4)
  await fill(client, ['from the client'], 2n)
  await arrived(server, 5)
  stop.abort()
  assert.equal(await fingerprintOf(client), await fingerprintOf(server))
})
