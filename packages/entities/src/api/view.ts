/** An entity as it was read at one moment. */
import { MalformedError } from '@leaf/codec/errors'
import { type ComponentKind, fromComponentData } from '../leaf/define.ts'
import type { ObjectId } from '../leaf/objects.ts'
import { nameOf } from '../store/keys.ts'
import { equalBytes } from '../willow/path.ts'
import type { Place } from './place.ts'
import type { Migration, Registry } from './registry.ts'

/** A component whose data can be read here. */
export interface OpenComponent {
  readonly id: ObjectId
  readonly schema: ObjectId
  readonly data: Uint8Array
  /** Whether it was encrypted, and a key here has opened it. */
  readonly sealed: boolean
}

/** A component that no key here opens. */
export interface LockedComponent {
  readonly id: ObjectId
  readonly algorithm: ObjectId
  readonly keyId: Uint8Array
  /** Of its encrypted data. */
  readonly bytes: number
}

export interface ViewParts {
  /** Undefined: a snapshot, apart from any place. */
  readonly place: Place | undefined
  readonly timestamp: bigint | undefined
  readonly snapshotId: ObjectId
  readonly open: readonly OpenComponent[]
  readonly locked: readonly LockedComponent[]
}

export interface EntityView extends ViewParts {
  /** The first component of this kind, or what a migration makes of an older kind; undefined: there is none. */
  get<T>(kind: ComponentKind<T>): T | undefined
  /** All components of this kind, in the order of their ids. */
  all<T>(kind: ComponentKind<T>): readonly T[]
  has(kind: ComponentKind<unknown>): boolean
  /** What is of no kind that is registered here, and what is not what its kind says. */
  unknown(): readonly OpenComponent[]
}

/** Migrations that follow one another. */
const migrationsMax = 8

export function createView(parts: ViewParts, registry: Registry): EntityView {
  const valuesOf = <T>(kind: ComponentKind<T>): T[] =>
    parts.open.flatMap(component => {
      if (!equalBytes(component.schema, kind.id)) return []
      const read = readAs(kind, component)
      return read === undefined ? [] : [read.value]
    })
  const migrated = (schema: ObjectId, depth: number): readonly unknown[] => {
    for (const migration of depth < migrationsMax ? registry.migrationsTo(schema) : []) {
      const older = valuesOf(migration.from)
      const values = older.length > 0 ? older : migrated(migration.from.id, depth + 1)
      if (values.length > 0) return values.map(value => applied(migration, value))
    }
    return []
  }
  const all = <T>(kind: ComponentKind<T>): readonly T[] => {
    const values = valuesOf(kind)
    // A migration that is registered to this kind gives its values.
    return values.length > 0 ? values : (migrated(kind.id, 0) as readonly T[])
  }
  return {
    ...parts,
    get: kind => all(kind)[0],
    all,
    has: kind => all(kind).length > 0,
    unknown: () =>
      parts.open.filter(component => {
        const kind = registry.kind(component.schema)
        return kind === undefined || readAs(kind, component) === undefined
      }),
  }
}

function applied({ migrate }: Migration, value: unknown): unknown {
  return migrate(value)
}

/** Undefined: the data is not of the kind's format, as a stranger may write it. */
function readAs<T>(kind: ComponentKind<T>, component: OpenComponent): { readonly value: T } | undefined {
  try {
    return { value: fromComponentData(kind, component) }
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/** What tells two states of one place apart. */
export function stateName(view: Pick<ViewParts, 'snapshotId' | 'locked'>): string {
  return `${nameOf(view.snapshotId)}${view.locked.length}`
}
