/** Sync of a space with a server; edits that nobody has heard of are made again on what others wrote meanwhile. */
import type { EntryStore } from '../store/contract.ts'
import type { SyncResult, SyncStatus } from '../sync/client.ts'
import type { Transport } from '../sync/contract.ts'
import type { AreaRequest } from '../sync/frames.ts'
import type { Area } from '../willow/area.ts'
import { timestampOf } from '../willow/timestamp.ts'
import type { Authority } from './authority.ts'
import type { Editor } from './editor.ts'
import { LeafError } from './errors.ts'
import type { Identity } from './identity.ts'
import type { Notes } from './notes.ts'
import { createOwnEdits } from './own-edits.ts'
import type { Pending } from './pending.ts'
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
