/**
 * Makes a data folder as the upstream server leaves one: `leaf.db`, and `streams/<did>/stream.db` for each stream. For
 * tests of the import, at the size of the largest one known: 4,000 streams with 436,000 events, of which the largest has
 * about a quarter.
 *
 *     node --conditions=leaf-source bench/streams/upstream-folder.ts <folder> [streams] [events] [seed]
 */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { parseCid } from '@leaf/codec/drisl'
import { sha256 } from '@leaf/streams/node/crypto'
import { generateCommunity } from '../../examples/community/generate.ts'
import { community } from '../../examples/community/module.ts'

export interface UpstreamFolderOptions {
  /** Made when it is not there; must not have a `leaf.db`. */
  readonly folder: string
  readonly streams: number
  readonly events: number
  readonly seed: number
  readonly onProgress?: (streams: number) => void
}

export interface UpstreamFolder {
  readonly moduleCid: string
  /** In the order of their size, the largest first. */
  readonly streams: readonly { readonly did: string; readonly owner: string; readonly events: number }[]
}

/** The same options give the same folder. */
export function makeUpstreamFolder(options: UpstreamFolderOptions): UpstreamFolder {
  const { folder, seed } = options
  mkdirSync(join(folder, 'streams'), { recursive: true })
  const moduleCid = community.cid(sha256)
  const cid = parseCid(moduleCid).bytes
  const house = openHouse(join(folder, 'leaf.db'))
  house.exec('begin')
  house.prepare('insert into module_blobs (cid, data) values (?, ?)').run(cid, community.bytes)
  const addDid = house.prepare('insert into dids (did) values (?)')
  const addKey = house.prepare('insert into did_keys (did, p256_key, k256_key) values (?, null, ?)')
  const addOwner = house.prepare('insert into did_owners (did, owner) values (?, ?)')
  const addStream = house.prepare('insert into streams (did, module_cid, latest_event) values (?, ?, ?)')
  const streams = sizesOf(options).map((events, index) => {
    const did = didOf(`${seed}.stream.${index}`)
    const members = Array.from({ length: 8 }, (_, n) => didOf(`${seed}.${index}.member.${n}`))
    const [owner = ''] = members
    writeStream(join(folder, 'streams', did), { did, cid, members, events, seed: seed + index })
    addDid.run(did)
    addKey.run(did, digest(`${seed}.key.${index}`))
    addOwner.run(did, owner)
    addStream.run(did, cid, events)
    options.onProgress?.(index + 1)
    return { did, owner, events }
  })
  house.exec('commit')
  house.close()
  return { moduleCid, streams }
}

/** Sizes fall off like 1/n; every stream has something, and together they have exactly what was asked. */
function sizesOf({ streams, events }: UpstreamFolderOptions): number[] {
  const least = Math.min(6, Math.floor(events / streams))
  const rest = events - least * streams
  const weights = Array.from({ length: streams }, (_, index) => 1 / (index + 1) ** 1.05)
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  const sizes = weights.map(weight => least + Math.floor((rest * weight) / all))
  sizes[0] = (sizes[0] ?? 0) + events - sizes.reduce((sum, size) => sum + size, 0)
  return sizes
}

function openHouse(path: string): DatabaseSync {
  const database = openFast(path)
  database.exec(`
    create table module_blobs (cid blob primary key, data blob not null) strict;
    create table staged_modules (creator text not null, cid blob not null references module_blobs (cid), timestamp int not null default (unixepoch())) strict;
    create table dids (did text primary key) strict;
    create table did_keys (did text primary key references dids (did), p256_key blob, k256_key blob) strict;
    create table did_owners (did text not null references dids (did), owner text not null, unique (did, owner)) strict;
    create table streams (did text primary key references dids (did), module_cid blob references module_blobs (cid), latest_event int not null) strict;
    create table backup_status (did text primary key, state_db_updated_at int, state_db_backed_up_at int, backup_latest_event int, backup_module_cid text, backup_owners text) strict;
  `)
  return database
}

interface StreamFile {
  readonly did: string
  readonly cid: Uint8Array
  readonly members: readonly string[]
  readonly events: number
  readonly seed: number
}

function writeStream(folder: string, { did, cid, members, events, seed }: StreamFile): void {
  mkdirSync(folder)
  const database = openFast(join(folder, 'stream.db'))
  database.exec(`
    create table events (idx integer primary key, user text not null, payload blob not null, signature blob not null) strict;
    create table stream_state (id integer primary key check (id = 1), stream_did text not null, module_cid blob, module_event_cursor int references events (idx)) strict;
    begin;
  `)
  const add = database.prepare('insert into events (user, payload, signature) values (?, ?, ?)')
  const signature = new Uint8Array(64)
  for (const { user, payload } of generateCommunity({ seed, events, members, rooms: 3 }))
    add.run(user, payload, signature)
  database.prepare('insert into stream_state values (1, ?, ?, ?)').run(did, cid, events === 0 ? null : events)
  database.exec('commit')
  database.close()
}

/** Durability is nothing to a file that can be made again. */
function openFast(path: string): DatabaseSync {
  const database = new DatabaseSync(path)
  database.exec('pragma synchronous = off; pragma journal_mode = off;')
  return database
}

function digest(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest())
}

function didOf(text: string): string {
  const base32 = 'abcdefghijklmnopqrstuvwxyz234567'
  return `did:plc:${[...digest(text).subarray(0, 24)].map(byte => base32[byte & 31]).join('')}`
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder, streams = '4000', events = '436000', seed = '1'] = process.argv.slice(2)
  if (folder === undefined) throw new Error('usage: upstream-folder.ts <folder> [streams] [events] [seed]')
  const began = performance.now()
  const made = makeUpstreamFolder({
    folder: resolve(folder),
    streams: Number(streams),
    events: Number(events),
    seed: Number(seed),
    onProgress: count => {
      if (count % 500 === 0) console.log(`${count} streams`)
    },
  })
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  console.log(
    `${made.streams.length} streams, the largest with ${made.streams[0]?.events} events, in ${seconds} s`,
  )
}
