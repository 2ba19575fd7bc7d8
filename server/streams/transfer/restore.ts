/** Streams of a backup, ours or upstream's, made ready to be brought in. All of a stream is checked before any of it is. */
import { join } from 'node:path'
import { Refusal } from '../../kernel/errors.ts'
import { fileExists, type Folders, namesIn } from '../../kernel/files.ts'
import type { LogEvent, StateEvent } from '../host/contract.ts'
import { linkHash } from '../stream/chain.ts'
import type { StateFile, StreamToImport } from '../stream/transfer.ts'
import type { ForeignStream, ForeignStreams } from './foreign.ts'
import {
  eventsPath,
  lastOf,
  metadataPath,
  modulePath,
  type Range,
  rangesIn,
  stateEventsPath,
  statePath,
  streamPath,
} from './layout.ts'
import { decodeMetadata, type Metadata, type MetadataKey } from './metadata.ts'
import { decoded, decodeEvents, decodeStateEvents, unpack } from './packing.ts'
import { positionOf } from './state-file.ts'

export interface RestoreDependencies {
  readonly folders: Folders
  /** Where the backup is. */
  readonly from: string
  /** The beginning of paths of files that are made and removed. */
  readonly scratch: string
}

/** Opens a backup. Throws Refusal `invalid` for a folder that is none. */
export function openBackup(deps: RestoreDependencies): ForeignStreams {
  const { from } = deps
  const folder = join(from, 'streams')
  if (!fileExists(folder) || !fileExists(join(from, 'modules'))) {
    const hint = fileExists(join(from, 'leaf.db'))
      ? '; it looks like the data folder of a server, which `leaf stream import` reads'
      : ''
    throw new Refusal(
      'invalid',
      `${from} is no backup of streams: expected the folders \`modules\` and \`streams\` in it${hint}`,
    )
  }
  const dids = namesIn(folder)
    .filter(name => fileExists(join(from, metadataPath(name))))
    .sort()
  return { dids, open: did => openStream(deps, did), close: () => undefined }
}

async function openStream(deps: RestoreDependencies, did: string): Promise<ForeignStream> {
  const { from } = deps
  const bytes = await need(deps, metadataPath(did))
  const metadata = decoded(metadataPath(did), () => decodeMetadata(bytes))
  if (metadata.did !== did) {
    throw new Refusal('invalid', `${metadataPath(did)} is of another stream: ${metadata.did}`)
  }
  const [payer, ...others] = metadata.owners
  if (payer === undefined) throw new Refusal('invalid', `${metadataPath(did)} names no owner`)
  const ranges = rangesIn(namesIn(join(from, streamPath(did))))
  const count = lastOf(did, ranges)
  await checkEvents(deps, metadata, ranges)
  const state = await readStateObject(deps, metadata)
  const path = modulePath(metadata.moduleCid)
  const { key, warnings } = keyOf(did, metadata.key)
  return {
    did,
    owners: [payer, ...others],
    module: await unpack(path, await need(deps, path)),
    moduleCid: metadata.moduleCid,
    clientStamp: metadata.clientStamp,
    handle: metadata.handle,
    frozen: metadata.frozen,
    ...(metadata.createdAt === undefined ? {} : { createdAt: metadata.createdAt }),
    key,
    ...(state === undefined ? {} : { state }),
    stateEvents: await readJournal(deps, metadata, state),
    events: () => eventsOf(deps, did, ranges),
    count,
    warnings,
  }
}

/** Upstream's keys are of either curve; Leaf signs with secp256k1 alone. */
export function keyOf(
  did: string,
  key: MetadataKey | null,
): { readonly key: StreamToImport['key']; readonly warnings: readonly string[] } {
  if (key === null) return { key: null, warnings: [] }
  if ('sealed' in key || key.curve === 'K256') return { key, warnings: [] }
  return { key: null, warnings: [`${did} has a key of P-256: it goes on without signatures`] }
}

async function need({ folders, from }: RestoreDependencies, path: string): Promise<Uint8Array> {
  const bytes = await folders.read(join(from, path))
  if (bytes === undefined) throw new Refusal('missing', `${join(from, path)} is not there`)
  return bytes
}

/** Events of every object, which has those that its name says. */
async function* eventsOf(
  deps: RestoreDependencies,
  did: string,
  ranges: readonly Range[],
): AsyncGenerator<readonly LogEvent[]> {
  for (const range of ranges) {
    const path = eventsPath(did, range)
    const bytes = await unpack(path, await need(deps, path))
    const events = decoded(path, () => decodeEvents(bytes))
    const isWhole =
      events.length === range.last - range.first + 1 &&
      events.every(({ idx }, at) => idx === range.first + at)
    if (!isWhole) throw new Refusal('invalid', `${path} has other events than its name says`)
    yield events
  }
}

/** Reads all of them, and holds them against the hash that the metadata has of the last. */
async function checkEvents(deps: RestoreDependencies, { did, log }: Metadata, ranges: readonly Range[]) {
  let hash: Uint8Array = new Uint8Array(32)
  let last = 0
  for await (const events of eventsOf(deps, did, ranges)) {
    for (const event of events) {
      hash = linkHash(did, { ...event, prevHash: hash })
      last = event.idx
      if (last === log?.head && Buffer.compare(hash, log.headHash) !== 0) {
        throw new Refusal(
          'invalid',
          `the events of ${did} are not those that were backed up: their hash differs`,
        )
      }
    }
  }
  if (log !== undefined && last < log.head) {
    throw new Refusal('invalid', `the backup of ${did} lacks events: it has ${last} of ${log.head}`)
  }
}

async function readStateObject(
  deps: RestoreDependencies,
  metadata: Metadata,
): Promise<StateFile | undefined> {
  const { folders, from, scratch } = deps
  const path = statePath(metadata.did)
  const packed = await folders.read(join(from, path))
  if (packed === undefined) {
    if (metadata.state === undefined) return undefined
    throw new Refusal('missing', `${join(from, path)} is not there`)
  }
  const bytes = await unpack(path, packed)
  const position = await positionOf(folders, path, bytes, `${scratch}-${metadata.did}`)
  // Written before the metadata: after a backup that was cut off the file knows better.
  return { bytes, seq: position?.seq ?? metadata.state?.seq ?? metadata.stateHead }
}

async function readJournal(
  { folders, from }: RestoreDependencies,
  metadata: Metadata,
  state: StateFile | undefined,
): Promise<readonly StateEvent[]> {
  const { did, stateHead } = metadata
  const path = stateEventsPath(did)
  const packed = await folders.read(join(from, path))
  const bytes = packed === undefined ? undefined : await unpack(path, packed)
  const all = bytes === undefined ? [] : decoded(path, () => decodeStateEvents(bytes))
  const entries = all.filter(({ seq }) => seq > (state?.seq ?? 0))
  const last = entries.at(-1)?.seq ?? state?.seq ?? 0
  // A state that the house had lost altogether is not in its backup either.
  const wasLost = packed !== undefined && metadata.state === undefined && entries.length === 0
  if (last < stateHead && !wasLost) {
    throw new Refusal(
      'invalid',
      `the backup of ${did} lacks state events: it has them up to ${last}, of ${stateHead}`,
    )
  }
  return entries
}
