/** What an application does to an entity in one edit. */
import { encodeBorsh, MismatchError } from '@leaf/codec/borsh/codec'
import type { EncryptionAlgorithm, EncryptionKey } from '../encryption/algorithm.ts'
import { hpkeX25519 } from '../encryption/hpke.ts'
import { xchacha20Poly1305 } from '../encryption/secret.ts'
import { type ComponentKind, toComponentData } from '../leaf/define.ts'
import {
  type ComponentObject,
  componentBytesMax,
  componentData,
  encodeComponent,
  idOf,
  type ObjectId,
} from '../leaf/objects.ts'
import { LeafError } from './errors.ts'
import type { EditStep } from './edits.ts'
import type { EntityView } from './view.ts'

export interface AddOptions {
  /** Who can read it: a component for each key. Without: everybody. */
  readonly for?: EncryptionKey | readonly EncryptionKey[]
  /** Default: XChaCha20-Poly1305 for secret keys, HPKE for recipients. */
  readonly algorithm?: EncryptionAlgorithm
}

export interface Draft {
  /** The entity before this edit; undefined: there was none. */
  readonly before: EntityView | undefined
  /** The value before this edit. */
  get<T>(kind: ComponentKind<T>): T | undefined
  all<T>(kind: ComponentKind<T>): readonly T[]
  /** Makes this the only component of its kind. Throws LeafError `SchemaMismatch`, `TooLarge`, `DecryptKeyMissing`. */
  set<T>(kind: ComponentKind<T>, value: T, options?: AddOptions): void
  /** Adds a component beside others of its kind. */
  add<T>(kind: ComponentKind<T>, value: T, options?: AddOptions): void
  /** Removes all components of this kind that can be read here or were encrypted here. */
  remove(kind: ComponentKind<unknown>): void
  removeComponent(id: ObjectId): void
  /** Keeps bytes with the entity; gives what a component names them by. */
  blob(bytes: Uint8Array): ObjectId
  /** Keeps another state (of this entity or another) with this one, so that its snapshot can be loaded for ever. */
  pin(view: EntityView): ObjectId
}

/** Larger blobs do not travel. */
export const blobBytesMax = 16 * 1024 * 1024

export interface FinishedDraft {
  readonly steps: readonly EditStep[]
  /** Bytes of new components and blobs. */
  readonly objects: readonly Uint8Array[]
  /** Objects that are here already and are to be kept with the entity. */
  readonly pins: readonly ObjectId[]
  readonly kinds: readonly ComponentKind<unknown>[]
  readonly algorithms: readonly EncryptionAlgorithm[]
  /** Components that were encrypted, with the schemas that nobody can see any more. */
  readonly sealed: readonly { readonly id: ObjectId; readonly schema: ObjectId }[]
}

export function createDraft(options: {
  readonly before: EntityView | undefined
  readonly random: (length: number) => Uint8Array
}): { readonly draft: Draft; readonly finish: () => FinishedDraft } {
  const { before, random } = options
  const steps: EditStep[] = []
  const objects: Uint8Array[] = []
  const pins: ObjectId[] = []
  const kinds = new Set<ComponentKind<unknown>>()
  const sealed: { id: ObjectId; schema: ObjectId }[] = []
  const algorithms = new Set<EncryptionAlgorithm>()

  const add = <T>(kind: ComponentKind<T>, value: T, to: AddOptions = {}) => {
    const data = dataOf(kind, value)
    kinds.add(kind)
    for (const { component, algorithm } of to.for === undefined
      ? [opened(data)]
      : sealedFor(data, to, random)) {
      if (algorithm !== undefined) algorithms.add(algorithm)
      const bytes = encodeComponent(component)
      if (bytes.length > componentBytesMax)
        throw new LeafError(
          'TooLarge',
          `expected a component of at most ${componentBytesMax} bytes, got ${bytes.length}: larger data belongs into a blob`,
        )
      const id = idOf(bytes)
      objects.push(bytes)
      steps.push({ kind: 'add', id, schema: kind.id })
      if (component.variant === 'Encrypted') sealed.push({ id, schema: kind.id })
    }
  }
  const draft: Draft = {
    before,
    get: kind => before?.get(kind),
    all: kind => before?.all(kind) ?? [],
    set: (kind, value, to) => {
      // Told before anything is cleared: a value that does not fit must leave the draft as it was.
      dataOf(kind, value)
      steps.push({ kind: 'clear', schema: kind.id, ids: [] })
      add(kind, value, to)
    },
    add,
    remove: kind => void steps.push({ kind: 'clear', schema: kind.id, ids: [] }),
    removeComponent: id => void steps.push({ kind: 'drop', id }),
    blob: bytes => {
      if (bytes.length > blobBytesMax)
        throw new LeafError(
          'TooLarge',
          `expected a blob of at most ${blobBytesMax} bytes, got ${bytes.length}`,
        )
      objects.push(bytes)
      return idOf(bytes)
    },
    pin: view => {
      pins.push(view.snapshotId, ...view.open.map(({ id }) => id), ...view.locked.map(({ id }) => id))
      return view.snapshotId
    },
  }
  return {
    draft,
    finish: () => ({ steps, objects, pins, kinds: [...kinds], algorithms: [...algorithms], sealed }),
  }
}

function dataOf<T>(kind: ComponentKind<T>, value: T) {
  try {
    return toComponentData(kind, value)
  } catch (error) {
    if (!(error instanceof MismatchError)) throw error
    throw new LeafError('SchemaMismatch', `${kind.name}${error.path}: ${error.message}`, error)
  }
}

type Data = ReturnType<typeof dataOf>

interface Made {
  readonly component: ComponentObject
  readonly algorithm: EncryptionAlgorithm | undefined
}

function opened(data: Data): Made {
  return { component: { variant: 'Unencrypted', value: data }, algorithm: undefined }
}

function sealedFor(data: Data, options: AddOptions, random: (length: number) => Uint8Array): readonly Made[] {
  const { for: given } = options
  const keys = given === undefined ? [] : 'kind' in given ? [given] : given
  const plain = encodeBorsh(componentData, data)
  return keys.map(key => {
    const algorithm = options.algorithm ?? (key.kind === 'secret' ? xchacha20Poly1305 : hpkeX25519)
    const keyId = algorithm.keyIdOf(key)
    if (keyId === undefined)
      throw new LeafError('DecryptKeyMissing', `expected another kind of key for ${algorithm.name}`)
    const encrypted = algorithm.encrypt(key, plain, random)
    return {
      component: {
        variant: 'Encrypted',
        value: { algorithm: algorithm.id, key_id: keyId, encrypted_data: encrypted },
      },
      algorithm,
    }
  })
}
