/** A namespace as one works in it. */
import type { ComponentKind } from '../leaf/define.ts'
import { prefixOf } from '../leaf/entity-path.ts'
import type { Specified } from '../leaf/specification.ts'
import { type AccessMode, type Capability } from '../meadowcap/capability.ts'
import { delegate } from '../meadowcap/verify.ts'
import type { Area } from '../willow/area.ts'
import { timestampOf } from '../willow/timestamp.ts'
import type { Authority } from './authority.ts'
import type { Catalog } from './catalog.ts'
import type { Editor } from './editor.ts'
import { createEntity, type Entity } from './entity.ts'
import { LeafError } from './errors.ts'
import type { Identity } from './identity.ts'
import type { LibraryObject } from './library.ts'
import { type MergedView, mergeViews } from './merged.ts'
import { type Place, readWhere, type Subspace, type Where } from './place.ts'
import type { Platform } from './platform.ts'
import { createQuery, type Query, type QueryOptions } from './query.ts'
import type { Reader } from './reader.ts'
import type { Registry } from './registry.ts'
import { createWatch, type Diff, type Watch, watchQuery } from './watch.ts'

export interface DelegateOptions {
  /** Who gets it: a public key. */
  readonly to: Uint8Array
  readonly mode: AccessMode
  /** At and below a path, of the space's own subspace unless another is in front. Default: all of it. */
  readonly under?: Where
  /** Milliseconds since 1970: entries from then on are not covered. Default: for ever. */
  readonly until?: number
}

export interface Space {
  readonly namespace: Uint8Array
  /** Who writes; undefined: whoever may. */
  readonly identity: Identity | undefined
  /** The subspace that is meant where none is named. */
  readonly subspace: Uint8Array | undefined
  at(...where: Where): Entity
  entity(place: Pick<Place, 'subspace' | 'path'>): Entity
  query(options?: QueryOptions): Query
  /** Follows a query; with a callback it begins at once. */
  watch(
    options: QueryOptions,
    onDiff?: (diff: Diff) => void | Promise<void>,
    onError?: (error: unknown) => void,
  ): Watch
  /** What stands at one path in several subspaces (default: in all). */
  merged(path: Where, of?: readonly Subspace[]): Promise<MergedView>
  /**
   * Puts what explains kinds, algorithms and resolvers into the library of the space's subspace, so that it travels. What
   * `edit` uses of kinds and algorithms is there without being asked for.
   */
  publish(what: {
    readonly kinds?: readonly ComponentKind<unknown>[]
    readonly algorithms?: readonly Specified[]
    readonly resolvers?: readonly Specified[]
  }): Promise<void>
  /** Deletes every entity at and below a path, with all that belongs to them. The path must not be empty. */
  deleteTree(...where: Where): Promise<void>
  /** Passes on a right of one's own. Throws LeafError `NotAuthorised`. */
  delegate(options: DelegateOptions): Promise<Capability>
  /** An area, as sync and drops want it. */
  area(...where: Where): Area
}

export interface SpaceDependencies {
  readonly platform: Platform
  readonly authority: Authority
  readonly reader: Reader
  readonly editor: Editor
  readonly registry: Registry
  readonly catalog: () => Catalog
}

export function createSpace(
  { namespace, identity, subspace: own }: Pick<Space, 'namespace' | 'identity' | 'subspace'>,
  deps: SpaceDependencies,
): Space {
  const { authority, platform } = deps
  const entityAt = ({ subspace, path }: Pick<Place, 'subspace' | 'path'>) =>
    createEntity({ namespace, subspace, path }, { ...deps, as: identity })
  const placeOf = (where: Where): Place => {
    const { subspace = own, path } = readWhere(where)
    if (subspace === undefined)
      throw new LeafError(
        'BadPath',
        'expected a subspace in front of the path, as this space has none of its own',
      )
    return { namespace, subspace, path }
  }
  const queryDeps = () => ({ catalog: deps.catalog(), reader: deps.reader, registry: deps.registry })
  const query = (options: QueryOptions = {}) => createQuery(options, queryDeps())

  return {
    namespace,
    identity,
    subspace: own,
    at: (...where) => entityAt(placeOf(where)),
    entity: entityAt,
    query,
    watch: (options, onDiff, onError) =>
      createWatch(signal => watchQuery(options, queryDeps(), signal), onDiff, onError),
    merged: async (path, of) => {
      const { path: wanted } = readWhere(path)
      const views: MergedView['parts'] = await query({
        under: path,
        ...(of === undefined ? {} : { of }),
      }).all()
      return mergeViews(views.filter(view => view.place?.path.length === wanted.length))
    },
    publish: async ({ kinds = [], algorithms = [], resolvers = [] }) => {
      const as =
        (role: LibraryObject['role']) =>
        ({ id, objects }: Pick<LibraryObject, 'id' | 'objects'>): LibraryObject => ({ id, role, objects })
      const objects = [
        ...kinds.map(as('Schema')),
        ...algorithms.map(as('Algorithm')),
        ...resolvers.map(as('Resolver')),
      ]
      await deps.editor.publish(placeOf([]), objects, identity)
    },
    deleteTree: async (...where) => {
      const place = placeOf(where)
      if (place.path.length === 0)
        throw new LeafError('BadPath', 'expected a path: a whole subspace is deleted by forgetting it')
      await deps.editor.deleteTree(place, identity)
    },
    delegate: async ({ to, mode, under = [], until }) => {
      const { subspace, path } = placeOf(under)
      const end = until === undefined ? undefined : timestampOf(until)
      const area: Area = { subspace, path: prefixOf(path), times: { start: 0n, end } }
      const grant = authority.grantFor(mode, namespace, area, identity)
      if (grant === undefined)
        throw new LeafError(
          'NotAuthorised',
          'expected a key or a capability with the right that is passed on',
        )
      return delegate(platform.ed25519, grant.capability, grant.receiver.keyPair, { area, user: to })
    },
    area: (...where) => {
      const { subspace, path } = placeOf(where)
      return { subspace, path: prefixOf(path), times: { start: 0n, end: undefined } }
    },
  }
}
