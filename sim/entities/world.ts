/** Two stores, people who write into them, and what both must be in the end. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { william3 } from '@leaf/codec/william3'
import type { KeyPair } from '@leaf/entities/crypto'
import { communalCapability } from '@leaf/entities/meadowcap/capability'
import { type AuthorisedEntry, createVerifier } from '@leaf/entities/meadowcap/verify'
import { createNodeEd25519 } from '@leaf/entities/node/ed25519'
import type { EntryStore, StoredEntry } from '@leaf/entities/store/contract'
import { createStore } from '@leaf/entities/store/engine'
import { memoryBacking } from '@leaf/entities/store/memory'
import { namespace, pathOf, personOf, signed } from '@leaf/entities/store/test-entries'
import { type SyncMemory, type SyncOptions, syncWith } from '@leaf/entities/sync/client'
import type { SyncError } from '@leaf/entities/sync/contract'
import type { AreaRequest } from '@leaf/entities/sync/frames'
import { type ServeOptions, serveSync } from '@leaf/entities/sync/server'
import { subspaceArea } from '@leaf/entities/willow/area'
import { encodeEntry, prunes } from '@leaf/entities/willow/entry'
import type { Connection } from './connection.ts'

export const ed25519 = createNodeEd25519()
export const verifier = createVerifier(ed25519)
export const serverName = 'leaf.test'
export const whole = { namespace, start: new Uint8Array(), end: undefined }

/** A generator that gives the same bytes for the same seed. */
export function seeded(seed: string): (length: number) => Uint8Array {
  let count = 0
  return length => {
    const hash = createHash('shake256', { outputLength: length })
    count += 1
    return new Uint8Array(hash.update(`${seed} ${count}`).digest())
  }
}

/** Below a bound, from a generator. */
export function numberBelow(random: (length: number) => Uint8Array, bound: number): number {
  return new DataView(random(4).buffer).getUint32(0) % bound
}

export const openStore = (random: (length: number) => Uint8Array): EntryStore =>
  createStore({ backing: memoryBacking(), verifier, random })

export const areaOf = (person: KeyPair): AreaRequest => ({
  namespace,
  capability: communalCapability('read', namespace, person.publicKey),
  area: subspaceArea(person.publicKey),
})

export interface Written {
  readonly authorised: AuthorisedEntry
  readonly payload: Uint8Array
}

const words = ['', 'a', 'b', 'ab', '\u0000', 'c', 'd', 'e', 'f', 'g', 'h']
const sizes = [0, 3, 900, 5000, 150_000]

/** An entry at a random place: many of them prune one another. */
export async function write(random: (length: number) => Uint8Array, person: KeyPair): Promise<Written> {
  const below = (bound: number) => numberBelow(random, bound)
  const path = pathOf(...Array.from({ length: below(4) }, () => words[below(words.length)] ?? ''))
  const large = below(12) === 0
  const payload = random(sizes[large ? 4 : below(4)] ?? 0)
  return { payload, authorised: await signed(person, { path, timestamp: BigInt(below(40)), payload }) }
}

export async function put(store: EntryStore, written: readonly Written[]): Promise<void> {
  await store.ingest(written.map(({ authorised }) => authorised))
  for (const { authorised, payload } of written) await store.putPayload(authorised.entry.digest, payload)
}

const nameOf = ({ entry }: AuthorisedEntry) => Buffer.from(encodeEntry(entry)).toString('hex')

export async function entriesOf(store: EntryStore): Promise<readonly StoredEntry[]> {
  return (await store.page({ range: whole, limit: 100_000 })).entries
}

/** What two stores must both be: the join of all that was written, with its payloads unless somebody may have held them back. */
export async function assertJoined(
  stores: readonly EntryStore[],
  written: readonly Written[],
  message: string,
  { payloads = true }: { readonly payloads?: boolean } = {},
): Promise<void> {
  const all = [...new Map(written.map(one => [nameOf(one.authorised), one.authorised])).values()]
  const expected = all.filter(one => !all.some(other => prunes(other.entry, one.entry)))
  for (const store of stores) {
    const entries = await entriesOf(store)
    assert.deepEqual(entries.map(nameOf).toSorted(), expected.map(nameOf).toSorted(), message)
    for (const { entry, hasPayload } of entries) {
      if (!payloads && !hasPayload) continue
      assert.ok(hasPayload, `${message}: a payload of ${entry.payloadLength} bytes is missing`)
      const payload = await store.payload(entry.digest)
      if (entry.payloadLength > 0n)
        assert.deepEqual(william3(payload ?? new Uint8Array()), entry.digest, message)
    }
  }
}

/** Nothing but what somebody has written, and no two entries that prune one another. */
export async function assertSound(
  store: EntryStore,
  written: readonly Written[],
  message: string,
): Promise<void> {
  const known = new Set(written.map(one => nameOf(one.authorised)))
  const entries = await entriesOf(store)
  for (const one of entries) {
    assert.ok(known.has(nameOf(one)), `${message}: an entry that nobody has written`)
    assert.ok(!entries.some(other => prunes(other.entry, one.entry)), `${message}: an entry that is pruned`)
  }
}

export function memoryOf(): SyncMemory {
  const notes = new Map<string, string>()
  return { load: async name => notes.get(name), save: async (name, value) => void notes.set(name, value) }
}

export interface Meeting {
  readonly client: EntryStore
  readonly server: EntryStore
  readonly connection: Connection
  readonly random: (length: number) => Uint8Array
  readonly key: KeyPair
  readonly areas: readonly AreaRequest[]
  readonly memory: SyncMemory
  readonly serving?: Partial<ServeOptions>
  readonly asking?: Partial<SyncOptions>
}

/** Options of a server over this store. */
export function serveOptions({
  server,
  random,
  connection,
  serving,
}: Pick<Meeting, 'server' | 'random' | 'connection' | 'serving'>): ServeOptions {
  return {
    store: server,
    transport: connection.server,
    ed25519,
    verifier,
    random,
    serverName,
    serverKey: new Uint8Array(32),
    isPublic: async () => false,
    ingest: () => ({}),
    wants: () => true,
    signal: new AbortController().signal,
    ...serving,
  }
}

/** One sync over a connection; gives how it ended on either side. */
export async function meet(meeting: Meeting): Promise<{
  readonly client: unknown
  readonly server: SyncError | undefined
}> {
  const { client, connection, random, key, areas, memory } = meeting
  const serving = serveSync(serveOptions(meeting))
  const result = await syncWith({
    store: client,
    transport: connection.client,
    ed25519,
    random,
    key,
    serverName,
    areas,
    memory,
    live: false,
    signal: new AbortController().signal,
    ...meeting.asking,
  }).catch((error: unknown) => error)
  return { client: result, server: await serving }
}

export const people: readonly KeyPair[] = await Promise.all(['alice', 'bob', 'carol'].map(personOf))
