/**
 * Streams of a data folder of the Leaf Framework's server: `leaf.db`, and `streams/<did>/stream.db` and `state.db` for
 * each. Only reads. What its modules made of the log is not taken along: it is made again.
 */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { cidText } from '@leaf/codec/drisl'
import { MalformedError } from '@leaf/codec/errors'
import { Refusal } from '../../kernel/errors.ts'
import { fileExists, type Folders } from '../../kernel/files.ts'
import { isDid } from '../../kernel/identity/did.ts'
import type { LogEvent } from '../host/contract.ts'
import type { ForeignStream, ForeignStreams } from './foreign.ts'
import type { MetadataKey } from './metadata.ts'
import { keyOf } from './restore.ts'
import { readState } from './state-file.ts'

export interface UpstreamDependencies {
  readonly folders: Folders
  /** The data folder. */
  readonly from: string
  /** The beginning of paths of files that are made and removed. */
  readonly scratch: string
}

/** Opens a data folder. Throws Refusal `invalid` for one that is none. */
export function openUpstream(deps: UpstreamDependencies): ForeignStreams {
  const { from } = deps
  const path = join(from, 'leaf.db')
  if (!fileExists(path)) {
    const hint = fileExists(join(from, 'modules'))
      ? '; it looks like a backup, which `leaf stream restore` reads'
      : ''
    throw new Refusal(
      'invalid',
      `${from} is no data folder of a Leaf Framework server: it has no leaf.db${hint}`,
    )
  }
  const house = openReading(path)
  try {
    const missing = ['dids', 'did_keys', 'did_owners', 'streams', 'module_blobs'].filter(
      name => house.prepare('select 1 from sqlite_master where name = ?').get(name) === undefined,
    )
    if (missing.length > 0) {
      throw new Refusal(
        'invalid',
        `${path} is no database of a Leaf Framework server: it lacks ${missing.join(', ')}`,
      )
    }
    const rows = house.prepare('select did from streams order by did').all()
    const dids = rows.map(row => String(row['did']))
    return { dids, open: did => openStream(deps, house, did), close: () => house.close() }
  } catch (error) {
    house.close()
    throw error instanceof Refusal ? error : unreadable(path, error)
  }
}

function openReading(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { readOnly: true, timeout: 1000 })
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, cause: unknown): Refusal {
  const reason = cause instanceof Error ? cause.message : 'unknown'
  return new Refusal('invalid', `${path} cannot be read (${reason})`, { cause })
}

async function openStream(
  deps: UpstreamDependencies,
  house: DatabaseSync,
  did: string,
): Promise<ForeignStream> {
  if (!isDid(did)) throw new Refusal('invalid', `leaf.db names a stream that is no DID: ${did}`)
  const { payer, others } = ownersIn(house, did)
  const { module, moduleCid } = moduleIn(house, did)
  const folder = join(deps.from, 'streams', did)
  const path = join(folder, 'stream.db')
  const count = checkedCount(path, did)
  const told = Number(house.prepare('select latest_event as n from streams where did = ?').get(did)?.['n'])
  // Upstream's number may lag behind the log, never be ahead of it.
  if (count < told) throw new Refusal('invalid', `${path} has ${count} events, and leaf.db tells of ${told}`)
  const state = await readState(deps.folders, join(folder, 'state.db'), `${deps.scratch}-${did}`)
  const { key, warnings } = keyOf(did, keyIn(house, did))
  return {
    did,
    owners: [payer, ...others],
    module,
    moduleCid,
    clientStamp: null,
    key,
    ...(state === undefined ? {} : { state: { bytes: state.bytes, seq: 0 } }),
    events: () => eventsOf(path),
    count,
    warnings,
  }
}

function ownersIn(house: DatabaseSync, did: string) {
  const rows = house.prepare('select owner from did_owners where did = ? order by rowid').all(did)
  const [payer, ...others] = rows.map(row => String(row['owner']))
  if (payer === undefined) throw new Refusal('invalid', `leaf.db names no owner of ${did}`)
  return { payer, others }
}

function moduleIn(house: DatabaseSync, did: string) {
  const row = house
    .prepare(
      'select s.module_cid as cid, m.data from streams s left join module_blobs m on m.cid = s.module_cid where s.did = ?',
    )
    .get(did)
  const { cid, data } = row ?? {}
  if (!(cid instanceof Uint8Array))
    throw new Refusal('invalid', `${did} has no module: nothing can be made of its log`)
  try {
    const moduleCid = cidText(cid)
    if (data instanceof Uint8Array) return { moduleCid, module: data }
    throw new Refusal('missing', `leaf.db lacks the module ${moduleCid} of ${did}`)
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause
    throw new Refusal('invalid', `leaf.db names a module of ${did} that is no CID`, { cause })
  }
}

function keyIn(house: DatabaseSync, did: string): MetadataKey | null {
  const row = house.prepare('select p256_key as p256, k256_key as k256 from did_keys where did = ?').get(did)
  const { k256, p256 } = row ?? {}
  if (k256 instanceof Uint8Array) return { curve: 'K256', secret: k256 }
  return p256 instanceof Uint8Array ? { curve: 'P256', secret: p256 } : null
}

/** How many events a log has. Throws Refusal `invalid` when it is another stream's or has holes. */
function checkedCount(path: string, did: string): number {
  if (!fileExists(path)) return 0
  const log = openReading(path)
  try {
    const owner = log.prepare('select stream_did as did from stream_state where id = 1').get()?.['did']
    if (owner !== undefined && owner !== did) {
      throw new Refusal('invalid', `${path} is the log of another stream: ${String(owner)}`)
    }
    const row = log.prepare('select count(*) as n, min(idx) as first, max(idx) as last from events').get()
    const count = Number(row?.['n'])
    if (count > 0 && (Number(row?.['first']) !== 1 || Number(row?.['last']) !== count)) {
      throw new Refusal(
        'invalid',
        `${path} has holes: expected events 1 to ${Number(row?.['last'])}, got ${count} of them`,
      )
    }
    return count
  } catch (error) {
    throw error instanceof Refusal ? error : unreadable(path, error)
  } finally {
    log.close()
  }
}

const pageEvents = 1000
const pageBytes = 4 * 1024 * 1024

async function* eventsOf(path: string): AsyncGenerator<readonly LogEvent[]> {
  if (!fileExists(path)) return
  const log = openReading(path)
  try {
    let page: LogEvent[] = []
    let bytes = 0
    for (const row of log
      .prepare('select idx, user, payload, signature from events order by idx')
      .iterate()) {
      const event = eventOf(path, row)
      page.push(event)
      bytes += event.payload.length
      if (page.length < pageEvents && bytes < pageBytes) continue
      yield page
      page = []
      bytes = 0
    }
    if (page.length > 0) yield page
  } finally {
    log.close()
  }
}

function eventOf(path: string, { idx, user, payload, signature }: Record<string, unknown>): LogEvent {
  const isEvent =
    typeof idx === 'number' &&
    typeof user === 'string' &&
    payload instanceof Uint8Array &&
    signature instanceof Uint8Array
  if (!isEvent) throw new Refusal('invalid', `${path} has an event that is none: ${String(idx)}`)
  return { idx, user, payload, signature }
}
