/** Entities as others may see them: what is public, and what is the viewer's own. */
import {
  describeSchema,
  describeSpecified,
  type Description,
  type SchemaDescription,
} from '@leaf/entities/api/describe'
import { createKeyring } from '@leaf/entities/api/keyring'
import { createReader, type EntityState } from '@leaf/entities/api/reader'
import { createRegistry } from '@leaf/entities/api/registry'
import { decodeBorsh } from '@leaf/codec/borsh/codec'
import { pathComponent } from '@leaf/codec/borsh/references'
import { MalformedError } from '@leaf/codec/errors'
import { type EntityPath, entityWillowPath, prefixOf, toEntityPath } from '@leaf/entities/leaf/entity-path'
import type { ObjectId } from '@leaf/entities/leaf/objects'
import type { Backing } from '@leaf/entities/store/backing'
import type { EntryStore, StoredEntry } from '@leaf/entities/store/contract'
import { after as keyAfter, join } from '@leaf/entities/store/keys'
import { fromRow } from '@leaf/entities/store/row'
import { type Area, areaIncludes, fullArea } from '@leaf/entities/willow/area'
import { equalBytes, isPrefix, keyAfterPrefix, type Path, pathKey } from '@leaf/entities/willow/path'
import { publicSubspaces } from '../database/public-areas.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { databaseBacking } from './backing.ts'
import type { PublicAreas } from './public-areas.ts'

/** Who looks. */
export interface Viewer {
  /** Subspaces of which she may see everything: her own. */
  readonly subspaces: readonly Uint8Array[]
}

export const anybody: Viewer = { subspaces: [] }

export interface SubspacePlace {
  readonly namespace: Uint8Array
  readonly subspace: Uint8Array
}

/** One step further down a path. */
export interface Child {
  readonly path: EntityPath
  /** Whether there is an entity at this very path. */
  readonly isEntity: boolean
}

export interface Children {
  readonly children: readonly Child[]
  /** Where the next page begins; undefined: this was the last. */
  readonly next: Uint8Array | undefined
}

/** A subspace through somebody's eyes. */
export interface SubspaceView {
  entity(path: EntityPath): Promise<EntityState>
  /** The paths one step below, in the order of their bytes. */
  children(
    path: EntityPath,
    page: { readonly from: Uint8Array | undefined; readonly limit: number },
  ): Promise<Children>
  describe(schema: ObjectId): Promise<SchemaDescription | undefined>
  describeSpecified(id: ObjectId): Promise<Description | undefined>
}

export interface Reading {
  /** What of a subspace the viewer may see. */
  areas(place: SubspacePlace, viewer: Viewer): Promise<readonly Area[]>
  /** Undefined: there is nothing in it that the viewer may see. */
  open(place: SubspacePlace, viewer: Viewer): Promise<SubspaceView | undefined>
  /** Subspaces in which something is public, ascending. */
  publicSubspaces(
    namespace: Uint8Array,
    after: Uint8Array | undefined,
    limit: number,
  ): Promise<readonly Uint8Array[]>
  /** A payload that some entry names which the viewer may see. */
  payload(digest: Uint8Array, viewer: Viewer): Promise<Uint8Array | undefined>
}

/** Entries that are looked at for whether somebody may see one of those that name a payload. */
const namesLookedAt = 64
const library = prefixOf(toEntityPath(['leaf', 'lib']))
const contentMark = 0xfe

export interface ReadingOptions {
  readonly database: Database
  readonly store: EntryStore
  readonly publicAreas: PublicAreas
}

export function createReading({ database, store, publicAreas }: ReadingOptions): Reading {
  const backing = databaseBacking(database)
  const registry = createRegistry()
  const keyring = createKeyring(registry)

  const areasFor = async (place: SubspacePlace, viewer: Viewer): Promise<readonly Area[]> =>
    viewer.subspaces.some(own => equalBytes(own, place.subspace))
      ? [fullArea]
      : publicAreas.areasOf(place.namespace, place.subspace)

  return {
    areas: areasFor,
    open: async (place, viewer) => {
      const areas = await areasFor(place, viewer)
      if (areas.length === 0) return undefined
      const { namespace, subspace } = place
      const isReadable = ({ entry }: Pick<StoredEntry, 'entry'>) =>
        equalBytes(entry.namespace, namespace) &&
        equalBytes(entry.subspace, subspace) &&
        // What explains is readable with whatever it explains: one has to know its digest.
        (areas.some(area => areaIncludes(area, entry)) || isPrefix(library, entry.path))
      const reader = createReader({
        store: gatedStore(store, areas),
        backing: gatedBacking(backing, isReadable),
        registry,
        keyring,
      })
      return {
        entity: path => reader.entity({ namespace, subspace, path }),
        children: (path, page) => listChildren(store, { place, areas, path, ...page }),
        describe: id => describeSchema(reader, id),
        describeSpecified: id => describeSpecified(reader, id),
      }
    },
    publicSubspaces: (namespace, after, limit) =>
      publicSubspaces(database.direct, { namespace, after: after ?? new Uint8Array() }, limit),
    payload: async (digest, viewer) => {
      for (const { entry } of await store.entriesOf(digest, namesLookedAt)) {
        const areas = await areasFor(entry, viewer)
        if (areas.some(area => areaIncludes(area, entry))) return store.payload(digest)
      }
      return undefined
    },
  }
}

/** Entries that may not be seen are not there. */
function gatedStore(store: EntryStore, areas: readonly Area[]): EntryStore {
  return {
    ...store,
    entry: async (namespace, subspace, path) => {
      const stored = await store.entry(namespace, subspace, path)
      return stored !== undefined && areas.some(area => areaIncludes(area, stored.entry)) ? stored : undefined
    },
  }
}

/** Payloads are there when an entry that names them may be seen. */
function gatedBacking(backing: Backing, isReadable: (entry: StoredEntry) => boolean): Backing {
  return {
    ...backing,
    read: fn =>
      backing.read(rows =>
        fn({
          ...rows,
          payload: async digest => {
            const named = await rows.byDigest(digest, namesLookedAt)
            return named.some(row => isReadable(fromRow(row))) ? rows.payload(digest) : undefined
          },
        }),
      ),
  }
}

interface ChildrenRequest {
  readonly place: SubspacePlace
  readonly areas: readonly Area[]
  readonly path: EntityPath
  readonly from: Uint8Array | undefined
  readonly limit: number
}

/** Jumps from child to child by the order of keys: what is below a child is not looked at. */
async function listChildren(store: EntryStore, request: ChildrenRequest): Promise<Children> {
  const { place, areas, limit } = request
  const { namespace, subspace } = place
  const prefix = prefixOf(request.path)
  const below = keyAfterPrefix(prefix)
  const end = below === undefined ? keyAfter(subspace) : join(subspace, below)
  const children: Child[] = []
  let start = request.from ?? join(subspace, pathKey(prefix))
  while (compare(start, end) < 0) {
    if (children.length === limit) return { children, next: start }
    const { entries, next } = await store.page({ range: { namespace, start, end }, limit: 1 })
    const [stored] = entries
    if (stored === undefined) {
      if (next === undefined) break
      start = next
      continue
    }
    const step = stored.entry.path[prefix.length]
    if (step === undefined) {
      start = join(subspace, pathKey(stored.entry.path), Uint8Array.of(0))
      continue
    }
    const childPrefix = [...prefix, step]
    const after = keyAfterPrefix(childPrefix)
    if (after === undefined) break
    start = join(subspace, after)
    const child = childOf(request.path, step)
    if (child === undefined || !areas.some(area => touches(area, childPrefix))) continue
    children.push({ path: child, isEntity: await hasEntity(store, place, child, areas) })
  }
  return { children, next: undefined }
}

async function hasEntity(
  store: EntryStore,
  { namespace, subspace }: SubspacePlace,
  path: EntityPath,
  areas: readonly Area[],
): Promise<boolean> {
  const stored = await gatedStore(store, areas).entry(namespace, subspace, entityWillowPath(path))
  return stored !== undefined && stored.entry.payloadLength > 0n
}

/** Whether an area has anything at or below a path, or the path leads to it. */
function touches(area: Area, path: Path): boolean {
  return isPrefix(area.path, path) || isPrefix(path, area.path)
}

/** Undefined: an entity's own end, its contents, or something that is no component of the Leaf Protocol. */
function childOf(path: EntityPath, step: Uint8Array): EntityPath | undefined {
  if (step.length === 0 || (step.length === 1 && step[0] === contentMark)) return undefined
  try {
    return [...path, decodeBorsh(pathComponent, step)]
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b)
}
