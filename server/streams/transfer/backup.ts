/**
 * Writes streams into a folder, also while Leaf runs: the log is read from the house database, the state from its file
 * as it is at one moment, and what the state lacks from its journal. A second backup into the same folder adds what came
 * since. It can be cut off anywhere: what is there before and after every step can be restored.
 */
import { join } from 'node:path'
import { Refusal } from '../../kernel/errors.ts'
import { type Folders, fileExists, namesIn, removeFile } from '../../kernel/files.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { readEvents } from '../database/events.ts'
import { moduleBytes } from '../database/modules.ts'
import { stateCopyOf } from '../database/state-events.ts'
import type { StreamRecord } from '../database/streams.ts'
import { builtStateFile } from '../host/child/files.ts'
import type { LogEvent, StateEvent } from '../host/contract.ts'
import { type Facts, metadataOf, readFacts, readFactsAndJournal } from './facts.ts'
import {
  eventsPath,
  lastOf,
  metadataPath,
  modulePath,
  rangesIn,
  stateEventsPath,
  statePath,
  streamPath,
} from './layout.ts'
import { decodeMetadata, encodeMetadata, type Metadata } from './metadata.ts'
import { decoded, encodeEvents, encodeStateEvents, pack } from './packing.ts'
import { readState, type StateSnapshot } from './state-file.ts'

export interface BackupDependencies {
  readonly database: Pick<Database, 'read' | 'direct' | 'engine'>
  readonly folders: Folders
  /** Where hosts keep a folder for each stream. */
  readonly streamsFolder: string
  /** Where the backup is. */
  readonly to: string
}

export interface BackedUp {
  /** Events that were added to the backup. */
  readonly added: number
  /** Events that are in it now. */
  readonly events: number
  /** Sentences about what could not be taken along. */
  readonly warnings: readonly string[]
}

/** Events of one object, and bytes of their payloads after which it has fewer. */
const objectEventsMax = 10_000
const objectBytesMax = 16 * 1024 * 1024
const pageEvents = 1000
const pageBytes = 4 * 1024 * 1024
/** How often a stream is looked at again that changes while it is copied. */
const attemptsMax = 5

/** Brings the backup of a stream up to date. Throws Refusal `conflict` when what is there is of another history. */
export async function backUpStream(deps: BackupDependencies, did: string): Promise<BackedUp> {
  const { to, folders, database } = deps
  const before = await readFacts(database, did)
  const old = await readOld(deps, did)
  if (old !== undefined) {
    await checkSameHistory(deps, before.record, old.metadata)
    const unchanged = Buffer.compare(encodeMetadata(metadataOf(before, old.metadata.state)), old.bytes) === 0
    if (unchanged) return { added: 0, events: before.record.head, warnings: [] }
  }
  const taken = await takeState(deps, before)
  const { record } = taken.facts
  const kept = keepUpTo(deps, did, old?.metadata.log?.head ?? 0)
  await backUpModule(deps, record.module)
  await backUpEvents(deps, record, kept)
  const { state, journal } = taken
  if (state === undefined) removeFile(join(to, statePath(did)))
  else {
    await folders.writeDurably(join(to, statePath(did)), await pack(state.bytes))
  }
  // After the state: entries that are in both are left out when they are read.
  await folders.writeDurably(join(to, stateEventsPath(did)), await pack(encodeStateEvents(journal)))
  const metadata = metadataOf(taken.facts, state?.position)
  await folders.writeDurably(join(to, metadataPath(did)), encodeMetadata(metadata))
  return { added: record.head - kept, events: record.head, warnings: taken.warnings }
}

async function readOld({ folders, to }: BackupDependencies, did: string) {
  const path = metadataPath(did)
  const bytes = await folders.read(join(to, path))
  if (bytes === undefined) return undefined
  return { bytes, metadata: decoded(path, () => decodeMetadata(bytes)) }
}

/** The last event that is in the backup must be one of the log's. */
async function checkSameHistory(
  { database, to }: BackupDependencies,
  record: StreamRecord,
  { did, log }: Metadata,
): Promise<void> {
  const instead = 'give another folder'
  if (did !== record.did || log === undefined) {
    throw new Refusal('conflict', `what ${to} has of ${record.did} was made by another server: ${instead}`)
  }
  const { head, headHash } = log
  if (head > record.head) {
    throw new Refusal(
      'conflict',
      `${to} has ${head} events of ${did}, this house has ${record.head}: ${instead}, or restore it`,
    )
  }
  const [next] =
    head === record.head
      ? [{ prevHash: record.headHash }]
      : await database.read(tx => readEvents(tx, record.id, { after: head, itemsMax: 1, bytesMax: 1 }))
  if (next === undefined || Buffer.compare(next.prevHash, headHash) !== 0) {
    throw new Refusal('conflict', `${to} has other events of ${did} than this house: ${instead}`)
  }
}

interface TakenState {
  readonly facts: Facts
  readonly state: StateSnapshot | undefined
  readonly journal: readonly StateEvent[]
  readonly warnings: readonly string[]
}

/** The state first, then the journal, then the log's head: each may only be ahead of the one before it. */
async function takeState(deps: BackupDependencies, first: Facts): Promise<TakenState> {
  const { did } = first.record
  let { record } = first
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const state = await copyState(deps, record)
    const seqOf = ({ stateKept }: StreamRecord) => state?.position?.seq ?? stateKept
    const { facts, journal } = await readFactsAndJournal(deps.database, did, seqOf)
    const seq = seqOf(facts.record)
    const fits = facts.record.generation === record.generation && facts.record.stateKept <= seq
    ;({ record } = facts)
    if (!fits) continue
    const lost = state === undefined && record.stateKept > 0
    const warnings = lost
      ? [`${did} has no state file: its first ${record.stateKept} state events are not in the backup`]
      : []
    return { facts, state, journal, warnings }
  }
  throw new Refusal('unavailable', `${did} changed too often to be copied: try again`)
}

async function copyState(
  { database, folders, streamsFolder, to }: BackupDependencies,
  record: StreamRecord,
): Promise<StateSnapshot | undefined> {
  if (database.engine === 'postgres') {
    // The file of the node that serves it may be anywhere; what is not in this copy is in the journal.
    const copy = await stateCopyOf(database.direct, record.id)
    return copy === undefined ? undefined : { bytes: copy.bytes, position: { seq: copy.seq, idx: copy.idx } }
  }
  const folder = join(streamsFolder, record.did)
  const built = join(folder, builtStateFile(record.generation))
  const path = fileExists(built) ? built : join(folder, 'state.db')
  await folders.make(join(to, streamPath(record.did)))
  return readState(folders, path, join(to, streamPath(record.did), 'state.db.part'))
}

/** Removes what a backup that was cut off left behind; gives the last event that is in the folder. */
function keepUpTo({ to }: BackupDependencies, did: string, head: number): number {
  const names = namesIn(join(to, streamPath(did)))
  const [kept, extra] = [
    rangesIn(names).filter(r => r.first <= head),
    rangesIn(names).filter(r => r.first > head),
  ]
  for (const range of extra) removeFile(join(to, eventsPath(did, range)))
  const last = lastOf(did, kept)
  if (last !== head) {
    throw new Refusal(
      'invalid',
      `${to} should have ${head} events of ${did}, it has ${last}: give another folder`,
    )
  }
  return last
}

async function backUpModule({ database, folders, to }: BackupDependencies, cid: string): Promise<void> {
  const path = join(to, modulePath(cid))
  if (fileExists(path)) return
  const bytes = await moduleBytes(database.direct, cid)
  if (bytes === undefined) throw new Refusal('missing', `the module ${cid} is not here`)
  await folders.writeDurably(path, await pack(bytes))
}

async function backUpEvents(deps: BackupDependencies, record: StreamRecord, after: number): Promise<void> {
  const { did, head } = record
  for (let at = after; at < head; ) {
    const events = await objectAfter(deps, record, at)
    const last = events.at(-1)?.idx
    if (last === undefined) throw new Refusal('missing', `event ${at + 1} of ${did} is not here`)
    const path = eventsPath(did, { first: at + 1, last })
    await deps.folders.writeDurably(join(deps.to, path), await pack(encodeEvents(events)))
    at = last
  }
}

/** The events of the next object. */
async function objectAfter(
  { database }: BackupDependencies,
  { id, head }: StreamRecord,
  after: number,
): Promise<readonly LogEvent[]> {
  const events: LogEvent[] = []
  let bytes = 0
  for (let at = after; at < head && events.length < objectEventsMax && bytes < objectBytesMax; ) {
    const itemsMax = Math.min(pageEvents, head - at, objectEventsMax - events.length)
    const from = at
    const page = await database.read(tx => readEvents(tx, id, { after: from, itemsMax, bytesMax: pageBytes }))
    for (const event of page) bytes += event.payload.length
    events.push(...page)
    const last = page.at(-1)
    if (last === undefined) break
    at = last.idx
  }
  return events
}
