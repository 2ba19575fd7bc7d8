/** What this device understands: kinds of components, algorithms, resolvers, and how old kinds become new ones. */
import type { EncryptionAlgorithm } from '../encryption/algorithm.ts'
import { hpkeX25519 } from '../encryption/hpke.ts'
import { aes256Gcm, xchacha20Poly1305 } from '../encryption/secret.ts'
import type { ComponentKind } from '../leaf/define.ts'
import { idOf, type ObjectId } from '../leaf/objects.ts'
import { wellKnown } from '../leaf/well-known.ts'
import { nameOf } from '../store/keys.ts'

/** How values of one kind become values of another. */
export interface Migration {
  readonly from: ComponentKind<unknown>
  readonly to: ObjectId
  readonly migrate: (value: unknown) => unknown
}

export interface Registry {
  addKind(kind: ComponentKind<unknown>): void
  kind(schema: ObjectId): ComponentKind<unknown> | undefined
  addAlgorithm(algorithm: EncryptionAlgorithm): void
  algorithm(id: ObjectId): EncryptionAlgorithm | undefined
  algorithms(): readonly EncryptionAlgorithm[]
  addMigration(migration: Migration): void
  /** Migrations that end at a kind, in the order in which they were added. */
  migrationsTo(schema: ObjectId): readonly Migration[]
  /** The bytes of an object that belongs to something registered. */
  object(id: ObjectId): Uint8Array | undefined
  addObjects(objects: readonly Uint8Array[]): void
}

export function createRegistry(): Registry {
  const kinds = new Map<string, ComponentKind<unknown>>()
  const algorithms = new Map<string, EncryptionAlgorithm>()
  const migrations: Migration[] = []
  const objects = new Map<string, Uint8Array>()
  const addObjects = (all: readonly Uint8Array[]) => {
    for (const object of all) objects.set(nameOf(idOf(object)), object)
  }
  const registry: Registry = {
    addKind: kind => {
      if (kinds.has(nameOf(kind.id))) return
      kinds.set(nameOf(kind.id), kind)
      addObjects(kind.objects)
    },
    kind: schema => kinds.get(nameOf(schema)),
    addAlgorithm: algorithm => {
      algorithms.set(nameOf(algorithm.id), algorithm)
      addObjects(algorithm.objects)
    },
    algorithm: id => algorithms.get(nameOf(id)),
    algorithms: () => [...algorithms.values()],
    addMigration: migration => {
      registry.addKind(migration.from)
      migrations.push(migration)
    },
    migrationsTo: schema => migrations.filter(({ to }) => nameOf(to) === nameOf(schema)),
    object: id => objects.get(nameOf(id)),
    addObjects,
  }
  for (const kind of wellKnown) registry.addKind(kind)
  for (const algorithm of [xchacha20Poly1305, aes256Gcm, hpkeX25519]) registry.addAlgorithm(algorithm)
  return registry
}
