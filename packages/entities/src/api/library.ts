/** The entity `"leaf"/"lib"` of a subspace: schemas, algorithms and resolvers, so that they travel with what uses them. */
import { toComponentData } from '../leaf/define.ts'
import { contentWillowPath, entityWillowPath, prefixOf, toEntityPath } from '../leaf/entity-path.ts'
import { encodeComponent, encodeSnapshot, idOf, type ObjectId, utf8SchemaId } from '../leaf/objects.ts'
import { LibraryItem } from '../leaf/well-known.ts'
import type { EntryStore } from '../store/contract.ts'
import { nameOf } from '../store/keys.ts'
import { equalBytes } from '../willow/path.ts'
import type { Identity } from './identity.ts'
import type { Place } from './place.ts'
import type { Reader } from './reader.ts'
import type { Writer, Writing } from './writer.ts'

export interface LibraryObject {
  readonly id: ObjectId
  readonly role: 'Schema' | 'Algorithm' | 'Resolver'
  /** Its own bytes, and those of its specification. */
  readonly objects: readonly Uint8Array[]
}

export interface Library {
  /** What to write beside an entity, so that these objects are there as well. */
  writingsFor(
    place: Place,
    wanted: readonly LibraryObject[],
    as: Identity | undefined,
  ): Promise<readonly Writing[]>
  /** Remembers that they have been written. */
  written(place: Place, wanted: readonly LibraryObject[]): void
}

export const libraryPath = toEntityPath(['leaf', 'lib'])

export interface LibraryDependencies {
  readonly store: EntryStore
  readonly reader: Reader
  readonly writer: Writer
}

export function createLibrary({ store, reader, writer }: LibraryDependencies): Library {
  const published = new Set<string>()
  const keyOf = (place: Place, id: ObjectId) => nameOf(place.namespace) + nameOf(place.subspace) + nameOf(id)

  const isThere = async (place: Place, { id, objects }: LibraryObject): Promise<boolean> => {
    if (equalBytes(id, utf8SchemaId) || published.has(keyOf(place, id))) return true
    for (const object of objects) {
      const path = contentWillowPath(libraryPath, idOf(object))
      const entry = await store.entry(place.namespace, place.subspace, path)
      if (entry === undefined || !entry.hasPayload) return false
    }
    published.add(keyOf(place, id))
    return true
  }

  return {
    writingsFor: async (place, wanted, as) => {
      const absent: LibraryObject[] = []
      for (const one of wanted) if (!(await isThere(place, one))) absent.push(one)
      if (absent.length === 0) return []
      const own = { namespace: place.namespace, subspace: place.subspace, path: libraryPath }
      const atLibrary = equalBytes(nameBytes(place), nameBytes(own))
      const state = await reader.entity(own)
      const ids =
        state.kind === 'none' || state.kind === 'deleted' ? [] : 'ids' in state ? state.ids : undefined
      // Who may not write there keeps them with the entity itself.
      const mayList =
        !atLibrary &&
        ids !== undefined &&
        writer.mayWrite(place.namespace, place.subspace, prefixOf(libraryPath), as)
      const path = mayList ? libraryPath : place.path
      const objects = absent.flatMap(one => one.objects)
      const items = mayList ? absent.map(itemOf) : []
      const contents = [...objects, ...items].map(payload => ({
        path: contentWillowPath(path, idOf(payload)),
        payload,
        content: true,
      }))
      if (!mayList) return contents
      const snapshot = encodeSnapshot([...(ids ?? []), ...items.map(idOf)])
      return [...contents, { path: entityWillowPath(libraryPath), payload: snapshot, content: false }]
    },
    written: (place, wanted) => {
      for (const { id } of wanted) published.add(keyOf(place, id))
    },
  }
}

function nameBytes({ path }: Place): Uint8Array {
  return Uint8Array.from(prefixOf(path).flatMap(part => [...part, 0]))
}

function itemOf({ id, role }: LibraryObject): Uint8Array {
  const value = { role: { variant: role, value: null }, object: id }
  return encodeComponent({ variant: 'Unencrypted', value: toComponentData(LibraryItem, value) })
}
