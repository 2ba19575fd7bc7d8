/** One entity, by its place: what is read of it is what stands there now. */
import type { Link } from '@leaf/codec/borsh/references'
import type { ComponentKind } from '../leaf/define.ts'
import type { ObjectId } from '../leaf/objects.ts'
import type { EncryptionKey } from '../encryption/algorithm.ts'
import type { Draft } from './draft.ts'
import type { Edited, Editor } from './editor.ts'
import type { Identity } from './identity.ts'
import { linkTo } from './link.ts'
import type { Place } from './place.ts'
import type { EntityState, Reader } from './reader.ts'
import type { EntityView, LockedComponent, OpenComponent } from './view.ts'

type ValuesOf<Kinds extends readonly ComponentKind<unknown>[]> = {
  readonly [Index in keyof Kinds]: (Kinds[Index] extends ComponentKind<infer T> ? T : never) | undefined
}

export interface Entity extends Place {
  /**
   * Changes components; resolves when the change is durable. Edits of one subspace run one after another. The function
   * may be async, and may throw: then nothing was changed. Throws LeafError.
   */
  edit(change: (draft: Draft) => void | Promise<void>): Promise<Edited>
  /** Sets a component that only the owners of these keys can read. */
  encryptTo<T>(kind: ComponentKind<T>, value: T, keys: readonly EncryptionKey[]): Promise<Edited>
  /** Undefined: there is none, or its bytes have not all arrived. `state` tells them apart. */
  view(): Promise<EntityView | undefined>
  state(): Promise<EntityState>
  get<T>(kind: ComponentKind<T>): Promise<T | undefined>
  all<T>(kind: ComponentKind<T>): Promise<readonly T[]>
  /** The values of several kinds at one moment. */
  load<const Kinds extends readonly ComponentKind<unknown>[]>(...kinds: Kinds): Promise<ValuesOf<Kinds>>
  /** Components of kinds that are not registered here. */
  unknown(): Promise<readonly OpenComponent[]>
  /** Components that no key here opens. */
  locked(): Promise<readonly LockedComponent[]>
  /** Bytes that a component names; undefined: they have not arrived. */
  blob(id: ObjectId): Promise<Uint8Array | undefined>
  /** A reference to it; with `snapshot`, to its present state as well. */
  link(options?: { readonly snapshot?: boolean }): Promise<Link>
  /** Leaves a tombstone. Entities below its path stay. */
  delete(): Promise<void>
}

export interface EntityDependencies {
  readonly reader: Reader
  readonly editor: Editor
  /** Who writes, when several could; undefined: whoever may. */
  readonly as: Identity | undefined
}

export function createEntity(place: Place, { reader, editor, as }: EntityDependencies): Entity {
  const view = async () => {
    const state = await reader.entity(place)
    return state.kind === 'ready' ? state.view : undefined
  }
  const edit = (change: (draft: Draft) => void | Promise<void>) => editor.edit(place, change, as)
  return {
    ...place,
    edit,
    encryptTo: (kind, value, keys) => edit(draft => draft.set(kind, value, { for: keys })),
    view,
    state: () => reader.entity(place),
    get: async kind => (await view())?.get(kind),
    all: async kind => (await view())?.all(kind) ?? [],
    load: async <const Kinds extends readonly ComponentKind<unknown>[]>(...kinds: Kinds) => {
      const now = await view()
      // One value for each kind, in their order.
      return kinds.map(kind => now?.get(kind)) as unknown as ValuesOf<Kinds>
    },
    unknown: async () => (await view())?.unknown() ?? [],
    locked: async () => (await view())?.locked ?? [],
    blob: id => reader.object(id),
    link: async (options = {}) =>
      linkTo(place, options.snapshot === true ? (await view())?.snapshotId : undefined),
    delete: () => editor.delete(place, as),
  }
}
