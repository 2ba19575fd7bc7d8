/** Reads entities and objects from a store. Never waits for the network. */
import { decodeBorsh } from '@leaf/codec/borsh/codec'
import { MalformedError } from '@leaf/codec/errors'
import { entityWillowPath } from '../leaf/entity-path.ts'
import {
  componentBytesMax,
  componentData,
  decodeComponent,
  decodeSnapshot,
  emptySnapshot,
  emptySnapshotId,
  idOf,
  type ObjectId,
} from '../leaf/objects.ts'
import type { Backing } from '../store/backing.ts'
import type { EntryStore, StoredEntry } from '../store/contract.ts'
import { equalBytes } from '../willow/path.ts'
import type { Keyring } from './keyring.ts'
import type { Place } from './place.ts'
import type { Registry } from './registry.ts'
import { createView, type EntityView, type LockedComponent, type OpenComponent } from './view.ts'

/** What stands at a place. */
export type EntityState =
  | { readonly kind: 'none' }
  /** A tombstone. */
  | { readonly kind: 'deleted'; readonly entry: StoredEntry }
  /** Something that is no snapshot, written by somebody who knows more or less than we do. */
  | { readonly kind: 'foreign'; readonly entry: StoredEntry }
  /** Its bytes have not all arrived; `ids` is undefined while the snapshot itself has not. */
  | {
      readonly kind: 'incomplete'
      readonly entry: StoredEntry
      readonly ids: readonly ObjectId[] | undefined
      readonly missing: readonly ObjectId[]
    }
  | {
      readonly kind: 'ready'
      readonly entry: StoredEntry
      readonly ids: readonly ObjectId[]
      readonly view: EntityView
    }

export interface EntityEntry {
  readonly place: Place
  readonly entry: StoredEntry
}

export interface Reader {
  /** An object by its id, from the store or from what is registered. */
  object(id: ObjectId): Promise<Uint8Array | undefined>
  objects(ids: readonly ObjectId[]): Promise<readonly (Uint8Array | undefined)[]>
  entity(place: Place): Promise<EntityState>
  /** What entries of entities say, read together. */
  entitiesOf(entries: readonly EntityEntry[]): Promise<readonly EntityState[]>
  /** A state by the bytes of its snapshot, which may not be here; undefined: its components are not all here. */
  stateOf(snapshot: Uint8Array): Promise<EntityView | undefined>
  /** A state by the id of its snapshot, wherever its bytes came from; undefined: they are not all here. */
  snapshot(id: ObjectId): Promise<EntityView | undefined>
}

export interface ReaderDependencies {
  readonly store: EntryStore
  readonly backing: Backing
  readonly registry: Registry
  readonly keyring: Keyring
}

export function createReader({ store, backing, registry, keyring }: ReaderDependencies): Reader {
  const objects = async (ids: readonly ObjectId[]) => {
    const stored = await backing.read(async rows => {
      const found: (Uint8Array | undefined)[] = []
      for (const id of ids) found.push(await rows.payload(id))
      return found
    })
    return ids.map(
      (id, index) => stored[index] ?? (equalBytes(id, emptySnapshotId) ? emptySnapshot : registry.object(id)),
    )
  }
  const object = async (id: ObjectId) => (await objects([id]))[0]

  const openComponent = (id: ObjectId, bytes: Uint8Array): OpenComponent | LockedComponent | undefined => {
    if (bytes.length > componentBytesMax) return undefined
    try {
      const component = decodeComponent(bytes)
      if (component.variant === 'Unencrypted') return { id, ...component.value, sealed: false }
      const { algorithm, key_id: keyId, encrypted_data: sealed } = component.value
      const key = keyring.find(algorithm, keyId)
      const plain = key === undefined ? undefined : registry.algorithm(algorithm)?.decrypt(key, sealed)
      if (plain === undefined) return { id, algorithm, keyId, bytes: sealed.length }
      return { id, ...decodeBorsh(componentData, plain), sealed: true }
    } catch (error) {
      if (error instanceof MalformedError) return undefined
      throw error
    }
  }

  /** A view of some components, whose bytes are given. What is none is left out, and kept when the entity is edited. */
  const viewOf = (
    about: Pick<EntityView, 'place' | 'timestamp' | 'snapshotId'>,
    components: readonly (readonly [ObjectId, Uint8Array])[],
  ): EntityView => {
    const open: OpenComponent[] = []
    const locked: LockedComponent[] = []
    for (const [id, bytes] of components) {
      const component = openComponent(id, bytes)
      if (component === undefined) continue
      if ('schema' in component) open.push(component)
      else locked.push(component)
    }
    return createView({ ...about, open, locked }, registry)
  }

  const stateOf = async (snapshot: Uint8Array): Promise<EntityView | undefined> => {
    const ids = readSnapshot(snapshot)
    if (ids === undefined) return undefined
    const bytes = await objects(ids)
    const there = ids.flatMap((id, at) => pairOf(id, bytes[at]))
    if (there.length < ids.length) return undefined
    return viewOf({ place: undefined, timestamp: undefined, snapshotId: idOf(snapshot) }, there)
  }

  const entitiesOf = async (entries: readonly EntityEntry[]): Promise<readonly EntityState[]> => {
    const payloads = await objects(entries.map(({ entry }) => entry.entry.digest))
    const snapshots = payloads.map(payload => (payload === undefined ? undefined : readSnapshot(payload)))
    const all = await objects(snapshots.flatMap(ids => ids ?? []))
    let at = 0
    return entries.map(({ place, entry: stored }, index): EntityState => {
      const { digest, payloadLength, timestamp } = stored.entry
      const ids = snapshots[index]
      const bytes = all.slice(at, at + (ids?.length ?? 0))
      at += bytes.length
      if (payloadLength === 0n) return { kind: 'deleted', entry: stored }
      if (payloads[index] === undefined)
        return { kind: 'incomplete', entry: stored, ids: undefined, missing: [digest] }
      if (ids === undefined) return { kind: 'foreign', entry: stored }
      const missing = ids.filter((_, part) => bytes[part] === undefined)
      if (missing.length > 0) return { kind: 'incomplete', entry: stored, ids, missing }
      const components = ids.flatMap((id, part) => pairOf(id, bytes[part]))
      return {
        kind: 'ready',
        entry: stored,
        ids,
        view: viewOf({ place, timestamp, snapshotId: digest }, components),
      }
    })
  }

  return {
    object,
    objects,
    entitiesOf,
    entity: async place => {
      const stored = await store.entry(place.namespace, place.subspace, entityWillowPath(place.path))
      const [state] = stored === undefined ? [] : await entitiesOf([{ place, entry: stored }])
      return state ?? { kind: 'none' }
    },
    stateOf,
    snapshot: async id => {
      const payload = await object(id)
      return payload === undefined ? undefined : stateOf(payload)
    },
  }
}

function readSnapshot(payload: Uint8Array): readonly ObjectId[] | undefined {
  try {
    return decodeSnapshot(payload)
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

function pairOf(id: ObjectId, bytes: Uint8Array | undefined): readonly (readonly [ObjectId, Uint8Array])[] {
  return bytes === undefined ? [] : [[id, bytes]]
}
