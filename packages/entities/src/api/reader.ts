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

export interface Reader {
  /** An object by its id, from the store or from what is registered. */
  object(id: ObjectId): Promise<Uint8Array | undefined>
  objects(ids: readonly ObjectId[]): Promise<readonly (Uint8Array | undefined)[]>
  entity(place: Place): Promise<EntityState>
  /** What an entry of an entity says. */
  entityOf(place: Place, entry: StoredEntry): Promise<EntityState>
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
    return ids.map((id, index) => stored[index] ?? registry.object(id))
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

  /** Missing ids, or a view. Components that are none are left out, and kept when the entity is edited. */
  const load = async (
    ids: readonly ObjectId[],
    about: Pick<EntityView, 'place' | 'timestamp' | 'snapshotId'>,
  ): Promise<readonly ObjectId[] | EntityView> => {
    const bytes = await objects(ids)
    const missing = ids.filter((_, index) => bytes[index] === undefined)
    if (missing.length > 0) return missing
    const open: OpenComponent[] = []
    const locked: LockedComponent[] = []
    for (const [index, id] of ids.entries()) {
      const component = openComponent(id, bytes[index] ?? new Uint8Array())
      if (component === undefined) continue
      if ('schema' in component) open.push(component)
      else locked.push(component)
    }
    return createView({ ...about, open, locked }, registry)
  }

  const stateOf = async (snapshot: Uint8Array): Promise<EntityView | undefined> => {
    const ids = readSnapshot(snapshot)
    if (ids === undefined) return undefined
    const about = { place: undefined, timestamp: undefined, snapshotId: idOf(snapshot) }
    const loaded = await load(ids, about)
    return 'get' in loaded ? loaded : undefined
  }

  const entityOf = async (place: Place, stored: StoredEntry): Promise<EntityState> => {
    const { entry } = stored
    if (entry.payloadLength === 0n) return { kind: 'deleted', entry: stored }
    const payload = equalBytes(entry.digest, emptySnapshotId)
      ? emptySnapshot
      : await store.payload(entry.digest)
    if (payload === undefined)
      return { kind: 'incomplete', entry: stored, ids: undefined, missing: [entry.digest] }
    const ids = readSnapshot(payload)
    if (ids === undefined) return { kind: 'foreign', entry: stored }
    const loaded = await load(ids, { place, timestamp: entry.timestamp, snapshotId: entry.digest })
    return 'get' in loaded
      ? { kind: 'ready', entry: stored, ids, view: loaded }
      : { kind: 'incomplete', entry: stored, ids, missing: loaded }
  }

  return {
    object,
    objects,
    entityOf,
    entity: async place => {
      const stored = await store.entry(place.namespace, place.subspace, entityWillowPath(place.path))
      return stored === undefined ? { kind: 'none' } : entityOf(place, stored)
    },
    stateOf,
    snapshot: async id => {
      const payload = equalBytes(id, emptySnapshotId) ? emptySnapshot : await object(id)
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
