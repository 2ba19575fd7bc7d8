/** Everything of one device: its store, its keys, what it understands. `node/leaf.ts` and `browser/leaf.ts` open it. */
import type { Link } from '@leaf/codec/borsh/references'
import type { ImportedDrop } from '../drop/store-drop.ts'
import type { EncryptionAlgorithm, EncryptionKey } from '../encryption/algorithm.ts'
import type { ComponentKind } from '../leaf/define.ts'
import type { ObjectId } from '../leaf/objects.ts'
import { AtprotoIdentity } from '../leaf/well-known.ts'
import { type Capability, isCommunal } from '../meadowcap/capability.ts'
import { createVerifier, ownedCapability } from '../meadowcap/verify.ts'
import type { KeyResolver } from '../resolver/resolver.ts'
import type { Backing } from '../store/backing.ts'
import type { EntryStore } from '../store/contract.ts'
import { createStore } from '../store/engine.ts'
import { nameOf } from '../store/keys.ts'
import type { Transport } from '../sync/contract.ts'
import { timestampOf } from '../willow/timestamp.ts'
import { openAuthority } from './authority.ts'
import { type Catalog, createCatalog } from './catalog.ts'
import { type Description, describeSchema, describeSpecified, type SchemaDescription } from './describe.ts'
import { type Drop, type ExportOptions, exportSpace, importInto } from './drops.ts'
import { createEditor } from './editor.ts'
import type { Identity } from './identity.ts'
import { createKeyring } from './keyring.ts'
import { createLanes } from './lanes.ts'
import { createLibrary } from './library.ts'
import { createNotes } from './notes.ts'
import { openPending } from './pending.ts'
import { communalNamespace } from './place.ts'
import type { Platform } from './platform.ts'
import { createReader } from './reader.ts'
import { createRegistry } from './registry.ts'
import { createLinkResolver, type Resolved } from './resolve.ts'
import { createSpace, type Space } from './space.ts'
import { startSync, type SyncHandle, type SyncSettings } from './sync.ts'
import type { EntityView } from './view.ts'
import { createWriter } from './writer.ts'

export interface SpaceOptions {
  /** Default: the communal namespace that everybody shares. */
  readonly namespace?: Uint8Array
  /** Who writes. Default: whoever may. */
  readonly as?: Identity
  /** Where paths are meant when no subspace is in front. Default: that of `as`. */
  readonly subspace?: Uint8Array
}

/** Keys are kept in the store, unencrypted: it is as secret as they are. */
export interface Identities {
  create(): Promise<Identity>
  /** By the seed, as `restore` gives it. */
  add(seed: Uint8Array): Promise<Identity>
  list(): readonly Identity[]
  /** A file with the identity, its capabilities and all keys that open components. Takes about a second. */
  backup(identity: Identity, passphrase: string, progress?: (share: number) => void): Promise<string>
  /** Takes what a file keeps. Throws LeafError `WrongPassphrase`, `BadFile`. */
  restore(file: string, passphrase: string, progress?: (share: number) => void): Promise<Identity>
  remove(identity: Pick<Identity, 'publicKey'>): Promise<void>
}

export interface Leaf {
  readonly identities: Identities
  space(options?: SpaceOptions): Space
  /** A namespace of one's own, whose owner lets others in by delegation. The owner gets all rights at once. */
  createNamespace(owner: Identity): Promise<Uint8Array>
  /** Takes a capability that somebody has delegated to an identity here. */
  addCapability(capability: Capability): Promise<void>
  capabilities(): readonly Capability[]
  /** Takes a key that opens components: of a group, for one. */
  addKey(key: EncryptionKey): Promise<void>
  /** Understands a kind: its components are no longer `unknown`. Kinds that are only read and written need not be. */
  registerKind(kind: ComponentKind<unknown>): void
  registerAlgorithm(algorithm: EncryptionAlgorithm): void
  registerResolver(resolver: KeyResolver): void
  /** Gives `get(to)` a value where only the older kind is there. Stored entities stay as they are. */
  registerMigration<A, B>(from: ComponentKind<A>, to: ComponentKind<B>, migrate: (value: A) => B): void
  /** Follows a link. The network is asked only by resolvers that are registered. */
  resolve(link: Link): Promise<Resolved>
  /** The DID that the default entity of a subspace names, as far as it is here: what resolvers ask. */
  didOf(namespace: Uint8Array, subspace: Uint8Array): Promise<string | undefined>
  /** A state by the id of its snapshot; undefined: it is not all here. */
  snapshot(id: ObjectId): Promise<EntityView | undefined>
  /** What a schema means; undefined: it is not here. */
  describe(schema: ObjectId): Promise<SchemaDescription | undefined>
  /** What an algorithm or a resolver means. */
  describeSpecified(id: ObjectId): Promise<Description | undefined>
  /** Brings this store and a server to the same entries. */
  sync(space: Space, transport: Transport, settings: SyncSettings): SyncHandle
  /** Entities as a file that any store of Willow reads. */
  export(space: Space, options?: ExportOptions): Drop
  /** Takes such a file, all of it or nothing; a function is called twice. Throws MalformedError, DropError. */
  import(drop: Uint8Array | (() => AsyncIterable<Uint8Array>)): Promise<ImportedDrop>
  /** Removes a subspace (or a namespace) from this device only. */
  forget(namespace: Uint8Array, subspace?: Uint8Array): Promise<void>
  /** Underneath: entries as they are stored. */
  readonly store: EntryStore
  close(): Promise<void>
}

export async function createLeaf(platform: Platform, backing: Backing): Promise<Leaf> {
  const verifier = createVerifier(platform.ed25519)
  const store = createStore({ backing, verifier, random: platform.random })
  const notes = createNotes(backing)
  const registry = createRegistry()
  const keyring = createKeyring(registry)
  const authority = await openAuthority({ notes, platform, verifier, keyring })
  const pending = await openPending(notes, platform.now)
  const reader = createReader({ store, backing, registry, keyring })
  const writer = createWriter({ store, authority, platform })
  const library = createLibrary({ store, reader, writer })
  const { random } = platform
  const now = () => timestampOf(platform.now())
  const lanes = createLanes()
  const editor = createEditor({ store, reader, writer, library, pending, notes, lanes, random, now })
  const drops = { store, pending, editor, verifier, platform }
  const links = createLinkResolver(reader)
  const catalogs = new Map<string, Catalog>()
  let closed = false
  const catalogOf = (namespace: Uint8Array): Catalog => {
    const name = nameOf(namespace)
    const known = catalogs.get(name)
    if (known !== undefined) return known
    const catalog = createCatalog({ namespace, store, backing, reader, keyring })
    catalogs.set(name, catalog)
    return catalog
  }

  return {
    identities: {
      create: authority.create,
      add: authority.add,
      list: authority.identities,
      backup: async ({ keyPair, publicKey }, passphrase, progress) => {
        const { writeBackup } = await import('../identity/backup.ts')
        const identity = { seed: keyPair.secretKey, ...authority.keptFor(publicKey) }
        const options = { identity, publicKey, passphrase, random }
        return writeBackup(progress === undefined ? options : { ...options, progress })
      },
      restore: async (file, passphrase, progress) => {
        const { readBackup } = await import('../identity/backup.ts')
        return authority.take(await readBackup(platform.ed25519, file, passphrase, progress))
      },
      remove: ({ publicKey }) => authority.remove(publicKey),
    },
    space: ({ namespace = communalNamespace, as, subspace = as?.publicKey } = {}) =>
      createSpace(
        { namespace, identity: as, subspace },
        { platform, authority, reader, editor, registry, catalog: () => catalogOf(namespace) },
      ),
    createNamespace: async owner => {
      const key = await ownedKey(platform)
      for (const mode of ['read', 'write'] as const)
        await authority.addCapability(await ownedCapability(platform.ed25519, mode, key, owner.publicKey))
      return key.publicKey
    },
    addCapability: authority.addCapability,
    capabilities: authority.capabilities,
    addKey: authority.addKey,
    registerKind: registry.addKind,
    registerAlgorithm: registry.addAlgorithm,
    registerResolver: resolver => {
      registry.addObjects(resolver.objects)
      links.add(resolver)
    },
    registerMigration: (from, to, migrate) => {
      registry.addKind(to)
      // A value of `from` is all that it is ever given.
      registry.addMigration({
        from,
        to: to.id,
        migrate: value => migrate(value as Parameters<typeof migrate>[0]),
      })
    },
    resolve: links.resolve,
    didOf: async (namespace, subspace) => {
      const state = await reader.entity({ namespace, subspace, path: [] })
      return state.kind === 'ready' ? state.view.get(AtprotoIdentity)?.did : undefined
    },
    snapshot: reader.snapshot,
    describe: id => describeSchema(reader, id),
    describeSpecified: id => describeSpecified(reader, id),
    sync: (space, transport, settings) =>
      startSync(space, transport, settings, { store, platform, authority, pending, editor, notes }),
    export: (space, options = {}) => exportSpace(space, options, drops),
    import: drop => importInto(drop, drops),
    forget: async (namespace, subspace) => {
      await store.forget(namespace, subspace)
      catalogs.get(nameOf(namespace))?.reset()
    },
    store,
    close: async () => {
      if (closed) return
      closed = true
      for (const catalog of catalogs.values()) catalog.close()
      await store.close()
    },
  }
}

/** Owned namespaces are those whose last bit is 1: every second key. */
async function ownedKey({ ed25519, random }: Platform) {
  for (;;) {
    const secretKey = random(32)
    const publicKey = await ed25519.publicKeyOf(secretKey)
    if (!isCommunal(publicKey)) return { publicKey, secretKey }
  }
}
