/** Entities: ingest, sums and sync, beside earthstar in one run on one machine. `--short` takes few entries. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeBorsh, decodeBorsh } from '@leaf/codec/borsh/codec'
import { s } from '@leaf/codec/borsh/build'
import type { KeyPair } from '@leaf/entities/crypto'
import { communalCapability } from '@leaf/entities/meadowcap/capability'
import { type AuthorisedEntry, createVerifier, delegate } from '@leaf/entities/meadowcap/verify'
import { createNodeEd25519 } from '@leaf/entities/node/ed25519'
import { sqliteBacking } from '@leaf/entities/node/sqlite'
import type { EntryStore } from '@leaf/entities/store/contract'
import { createStore } from '@leaf/entities/store/engine'
import { type SyncMemory, syncWith } from '@leaf/entities/sync/client'
import type { AreaRequest } from '@leaf/entities/sync/frames'
import { memoryTransport } from '@leaf/entities/sync/memory-transport'
import { serveSync } from '@leaf/entities/sync/server'
import { allTimes, subspaceArea } from '@leaf/entities/willow/area'
import { namespace, pathOf, personOf, signed, text } from '../../packages/entities/src/store/test-entries.ts'
import { machineText, measureFsync } from '../pds/machine.ts'
import { measureEarthstar } from './earthstar.ts'

const short = process.argv.includes('--short')
const total = short ? 10_000 : 100_000
const newest = short ? 200 : 1000
const batch = 512
const people = 10

const ed25519 = createNodeEd25519()
const random = (length: number) => new Uint8Array(randomBytes(length))
const folder = mkdtempSync(join(tmpdir(), 'leaf-bench-entities-'))
const whole = { namespace, start: new Uint8Array(), end: undefined }
const rows: (readonly [what: string, goal: string, measured: string])[] = []
const add = (what: string, goal: string, measured: string) => {
  rows.push([what, goal, measured])
  console.log(`${what} · ${measured}`)
}
const seconds = (began: number) => (performance.now() - began) / 1000
const kept = (count: number, began: number) => `${Math.round(count / seconds(began)).toLocaleString('en')}/s`

/** A store in a file; a fresh verifier each, so that no capability was verified before. */
const open = (name: string): EntryStore =>
  createStore({ backing: sqliteBacking(join(folder, name)), verifier: createVerifier(ed25519), random })

async function entriesOf(
  persons: readonly KeyPair[],
  count: number,
  from: number,
): Promise<AuthorisedEntry[]> {
  const entries: AuthorisedEntry[] = []
  for (let index = from; index < from + count; index++) {
    const person = persons[index % persons.length] as KeyPair
    entries.push(
      await signed(person, {
        // In an order that is not the order of their keys.
        path: pathOf('posts', String((index * 7919) % 1_000_003), ''),
        timestamp: BigInt(index + 1),
        payload: text(`hello ${index}`),
      }),
    )
  }
  return entries
}

async function ingest(store: EntryStore, entries: readonly AuthorisedEntry[]): Promise<void> {
  for (let at = 0; at < entries.length; at += batch) await store.ingest(entries.slice(at, at + batch))
}

function notes(): SyncMemory {
  const map = new Map<string, string>()
  return { load: async name => map.get(name), save: async (name, value) => void map.set(name, value) }
}

interface Synced {
  readonly rounds: number
  readonly bytes: number
  readonly ms: number
}

async function sync(
  client: EntryStore,
  server: EntryStore,
  options: { readonly key: KeyPair; readonly areas: readonly AreaRequest[]; readonly memory?: SyncMemory },
): Promise<Synced> {
  const transport = memoryTransport()
  const stop = new AbortController()
  const began = performance.now()
  const serving = serveSync({
    store: server,
    transport: transport.server,
    ed25519,
    verifier: createVerifier(ed25519),
    random,
    serverName: 'bench',
    serverKey: new Uint8Array(32),
    isPublic: async () => true,
    ingest: () => ({}),
    wants: () => false,
    signal: stop.signal,
  })
  const { rounds } = await syncWith({
    store: client,
    transport: transport.client,
    ed25519,
    random,
    key: options.key,
    serverName: 'bench',
    areas: options.areas,
    memory: options.memory ?? notes(),
    live: false,
    signal: stop.signal,
    wants: () => false,
  })
  const ms = performance.now() - began
  await serving
  return { rounds, bytes: transport.bytes.toClient + transport.bytes.toServer, ms }
}

const told = ({ rounds, bytes, ms }: Synced) =>
  `${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${bytes.toLocaleString('en')} bytes, ${ms.toFixed(1)} ms`

async function main(): Promise<void> {
  const fsync = measureFsync()
  const persons = await Promise.all(Array.from({ length: people }, (_, index) => personOf(`person ${index}`)))
  const [first] = persons as [KeyPair]
  let began = performance.now()
  const entries = await entriesOf(persons, total, 0)
  add('entries signed', '', kept(total, began))

  const server = open('server.db')
  began = performance.now()
  await ingest(server, entries)
  const own = total / seconds(began)
  add(
    `verified entries into SQLite, batches of ${batch}`,
    '≥ 6,000/s',
    `${Math.round(own).toLocaleString('en')}/s`,
  )
  const peer = await measureEarthstar(short ? 300 : 2000)
  if (peer === undefined) add('earthstar', '', 'cannot be had here')
  else {
    const ratio = `${(own / peer.ingests).toFixed(0)} × slower than Leaf into SQLite`
    add('earthstar 10 in memory: documents ingested', '', `${Math.round(peer.ingests)}/s, ${ratio}`)
    add('earthstar 10 in memory: documents written', '', `${Math.round(peer.writes)}/s`)
  }

  let client = open('client.db')
  await ingest(client, entries)
  const everything: AreaRequest = {
    namespace,
    capability: undefined,
    area: { subspace: undefined, path: [], times: allTimes },
  }
  const memory = notes()
  const warm = await sync(client, server, { key: first, areas: [everything], memory })
  add(`two equal stores of ${total.toLocaleString('en')}`, '1 round, < 1,024 bytes, < 50 ms', told(warm))
  await client.close()
  client = open('client.db')
  const cold = await sync(client, server, { key: first, areas: [everything] })
  add('the same, one opened just now', '1 round, < 1,024 bytes, < 50 ms', told(cold))
  const reader = persons[1] as KeyPair
  const capability = await delegate(ed25519, communalCapability('read', namespace, first.publicKey), first, {
    area: { subspace: first.publicKey, path: pathOf('posts'), times: allTimes },
    user: reader.publicKey,
  })
  const delegated = {
    namespace,
    capability,
    area: { ...subspaceArea(first.publicKey), path: pathOf('posts') },
  }
  add(
    'the same, an area that was delegated',
    '1 round, < 1,024 bytes, < 50 ms',
    told(await sync(client, server, { key: reader, areas: [delegated] })),
  )

  await ingest(server, await entriesOf(persons, newest, total))
  const since = await sync(client, server, { key: first, areas: [everything], memory })
  add(`${newest} newest differ, known to each other`, '1 round', told(since))
  await ingest(server, await entriesOf(persons, newest, total + newest))
  const ranges = await sync(client, server, { key: first, areas: [everything] })
  add(`${newest} newest differ, never met`, '≤ 3 rounds, ≤ 1,000,000 bytes', told(ranges))
  const [one, other] = [await client.summary(whole), await server.summary(whole)]
  if (Buffer.compare(one.fingerprint, other.fingerprint) !== 0 || one.count !== other.count)
    throw new Error('the stores differ after the last sync')
  await client.close()
  await server.close()

  const person = s.struct({ name: s.string(), born: s.option(s.u16()), tags: s.vector(s.string()) })
  const value = { name: 'Ada Lovelace', born: 1815, tags: ['mathematics', 'poetry'] }
  const bytes = encodeBorsh(person, value)
  const turns = 300_000
  began = performance.now()
  for (let turn = 0; turn < turns; turn++) encodeBorsh(person, value)
  add('small components encoded', '≥ 300,000/s', kept(turns, began))
  began = performance.now()
  for (let turn = 0; turn < turns; turn++) decodeBorsh(person, bytes)
  add('small components decoded', '≥ 300,000/s', kept(turns, began))

  const report = [
    '# Entities: stores and sync',
    '',
    `Machine: ${machineText()}. The disk takes ${fsync.p50Ms.toFixed(2)} ms (p99 ${fsync.p99Ms.toFixed(2)} ms) to append 4 KiB durably.`,
    '',
    'Stores are files of SQLite at synchronous=FULL; every entry is verified (Ed25519) before it is stored. Both sides of a sync run in one process, over frames in memory: times are work, without a network. Bytes count both ways, handshake included.',
    '',
    '| | goal | measured |',
    '|---|---|---|',
    ...rows.map(([what, goal, measured]) => `| ${what} | ${goal} | ${measured} |`),
    '',
  ].join('\n')
  console.log(`\n${report}`)
  if (short) return
  mkdirSync('bench/results', { recursive: true })
  writeFileSync('bench/results/entities.md', report)
}

try {
  await main()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
