/** Sync of a space with a server; edits that nobody has heard of are made again on what others wrote meanwhile. */
import { william3 } from '@leaf/codec/william3'
import { roleOf } from '../leaf/entity-path.ts'
import type { EntryStore, IngestOutcome } from '../store/contract.ts'
import type { AuthorisedEntry } from '../meadowcap/verify.ts'
import { nameOf } from '../store/keys.ts'
import type { SyncResult, SyncStatus } from '../sync/client.ts'
import type { Transport } from '../sync/contract.ts'
import type { AreaRequest } from '../sync/frames.ts'
import type { Area } from '../willow/area.ts'
import type { Entry } from '../willow/entry.ts'
import { equalBytes } from '../willow/path.ts'
import { timestampOf } from '../willow/timestamp.ts'
import type { Authority } from './authority.ts'
import type { Editor, TheirState } from './editor.ts'
import { LeafError } from './errors.ts'
import type { Identity } from './identity.ts'
import type { Notes } from './notes.ts'
import type { Pending } from './pending.ts'
import type { Place } from './place.ts'
import type { Platform } from './platform.ts'
import type { Space } from './space.ts'

export interface SyncSettings {
  /** The server that is meant: the host of its address. */
  readonly serverName: string
  /** Default: the whole subspace of the space's identity. */
  readonly areas?: readonly Area[]
  /** Areas that the server serves to everybody. */
  readonly publicAreas?: readonly Area[]
  /** Goes on after both are equal, until `stop`. */
  readonly live?: boolean
  /** Payloads larger than this are fetched when they are asked for elsewhere. Default: 1 MiB, enough for components. */
  readonly payloadBytesMax?: number
  readonly onStatus?: (status: SyncStatus) => void
}

export interface SyncHandle {
  status(): SyncStatus
  /** Calls a listener with the status now and after every change. Returns the end of it. */
  subscribe(listener: (status: SyncStatus) => void): () => void
  /** Resolves when it has ended. Throws SyncError when it could not go on; what came until then stays. */
  readonly done: Promise<SyncResult>
  /** Ends it and waits. */
  stop(): Promise<void>
}

export interface SyncDependencies {
  readonly store: EntryStore
  readonly platform: Platform
  readonly authority: Authority
  readonly pending: Pending
  readonly editor: Editor
  readonly notes: Notes
}

const payloadBytesDefault = 1024 * 1024
/** Entries that are further in the future than this are not taken. */
const futureMsMax = 10 * 60_000

export function startSync(
  space: Space,
  transport: Transport,
  settings: SyncSettings,
  deps: SyncDependencies,
): SyncHandle {
  const { platform, authority, pending, notes } = deps
  const identity = space.identity ?? authority.identities()[0]
  if (identity === undefined) throw new LeafError('NotAuthorised', 'expected an identity to sync as')
  const areas = requestsOf(space, settings, authority, identity)
  const own = createOwnEdits(deps)
  const ending = new AbortController()
  const listeners = new Set<(status: SyncStatus) => void>()
  if (settings.onStatus !== undefined) listeners.add(settings.onStatus)
  let status: SyncStatus = { phase: 'connecting', sent: 0, received: 0, rounds: 0 }
  const heard = (now: SyncStatus) => {
    status = now
    if (now.phase === 'equal' || now.phase === 'live')
      void pending.told(areas, own.reached()).catch(() => undefined)
    for (const listener of listeners) listener(now)
  }
  const bytesMax = BigInt(settings.payloadBytesMax ?? payloadBytesDefault)
  const run = async (): Promise<SyncResult> => {
    try {
      // Loaded by those who sync.
      const { syncWith } = await import('../sync/client.ts')
      return await syncWith({
        store: own.store,
        transport,
        ed25519: platform.ed25519,
        random: platform.random,
        key: identity.keyPair,
        serverName: settings.serverName,
        areas,
        memory: {
          load: name => notes.load(`sync.${name}`),
          save: (name, value) => notes.save(`sync.${name}`, value),
        },
        live: settings.live ?? false,
        signal: ending.signal,
        ingest: () => ({ timestampMax: timestampOf(platform.now() + futureMsMax) }),
        wants: entry => entry.payloadLength <= bytesMax,
        onStatus: heard,
      })
    } finally {
      await own.settled()
    }
  }
  const done = run()
  // Whoever does not wait for it hears of it by its status.
  done.catch(() => undefined)
  return {
    status: () => status,
    subscribe: listener => {
      listeners.add(listener)
      listener(status)
      return () => void listeners.delete(listener)
    },
    done,
    stop: async () => {
      ending.abort()
      await done.catch(() => undefined)
    },
  }
}

function requestsOf(
  space: Space,
  settings: SyncSettings,
  authority: Authority,
  identity: Identity,
): readonly AreaRequest[] {
  const { namespace } = space
  const wanted =
    settings.areas ??
    (settings.publicAreas === undefined || space.subspace !== undefined
      ? [space.area({ publicKey: space.subspace ?? identity.publicKey })]
      : [])
  return [
    ...wanted.map((area): AreaRequest => {
      const grant = authority.grantFor('read', namespace, area, identity)
      if (grant === undefined)
        throw new LeafError('NotAuthorised', 'expected a key or a capability that may read this area')
      return { namespace, area, capability: grant.capability }
    }),
    ...(settings.publicAreas ?? []).map((area): AreaRequest => ({ namespace, area, capability: undefined })),
  ]
}

/** Their states that wait for their bytes. */
const theirsMax = 1000

interface Theirs {
  readonly place: Place
  readonly timestamp: bigint
  readonly stands: boolean
}

/** The store as sync sees it: what comes for an entity with pending edits is looked at. */
function createOwnEdits({ store, pending, editor }: SyncDependencies) {
  const theirs = new Map<string, Theirs>()
  /** Snapshots that are here, and whose components are not. */
  let incomplete: (Theirs & TheirState)[] = []
  let reached = 0
  let last: Promise<void> = Promise.resolve()

  const tryAll = async () => {
    const all = incomplete
    incomplete = []
    for (const one of all) {
      // An edit that could not be made again is made again with the next state that comes.
      const done = await editor.reapply(one.place, one).catch(() => true)
      if (!done) incomplete.push(one)
    }
  }
  /** Once more after everything that has begun; nobody waits for it before the end. */
  const again = () => {
    if (incomplete.length > 0) last = last.then(tryAll)
  }

  const look = async (entry: Entry, outcome: IngestOutcome): Promise<IngestOutcome> => {
    const role = roleOf(entry.path)
    if (role.kind !== 'entity' || entry.payloadLength === 0n) return outcome
    if (outcome.kind !== 'stored' && outcome.kind !== 'obsolete') return outcome
    const place = { namespace: entry.namespace, subspace: entry.subspace, path: role.path }
    const full = theirs.size >= theirsMax || incomplete.length >= theirsMax
    if (full || (await pending.at(place, entry.timestamp)) === undefined) return outcome
    const stands = outcome.kind === 'stored'
    theirs.set(nameOf(entry.digest), { place, timestamp: entry.timestamp, stands })
    // What is older than ours is asked for all the same: it may have what ours does not.
    return stands ? outcome : { kind: 'known' }
  }
  const wrapped: EntryStore = {
    ...store,
    ingest: async (entries, options) => {
      const outcomes = await store.ingest(entries, options)
      return Promise.all(outcomes.map((outcome, index) => lookAt(entries[index], outcome)))
    },
    putPayload: async (digest, bytes) => {
      const kept = await store.putPayload(digest, bytes)
      const found = theirs.get(nameOf(digest))
      const fits = found !== undefined && equalBytes(william3(bytes), digest)
      if (fits) {
        theirs.delete(nameOf(digest))
        incomplete.push({ ...found, snapshot: bytes })
      }
      again()
      return kept || fits
    },
    arrivals: async (namespace, after, limit) => {
      reached = await store.lastArrival()
      return store.arrivals(namespace, after, limit)
    },
    lastArrival: async () => {
      reached = await store.lastArrival()
      return reached
    },
  }
  const lookAt = (one: AuthorisedEntry | undefined, outcome: IngestOutcome) =>
    one === undefined ? Promise.resolve(outcome) : look(one.entry, outcome)
  return { store: wrapped, reached: () => reached, settled: () => last }
}
