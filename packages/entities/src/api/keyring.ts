/** The keys with which this device opens what was encrypted for it. */
import type { EncryptionAlgorithm, EncryptionKey, KeyId } from '../encryption/algorithm.ts'
import type { ObjectId } from '../leaf/objects.ts'
import { nameOf } from '../store/keys.ts'
import type { Registry } from './registry.ts'
import { LeafError } from './errors.ts'

export interface Keyring {
  add(key: EncryptionKey): void
  /** The key that a component names; undefined: it is not here. */
  find(algorithm: ObjectId, keyId: KeyId): EncryptionKey | undefined
  /** Rises with every key. */
  readonly version: number
}

/** Keys that are held. */
const keysMax = 10_000

export function createKeyring(registry: Registry): Keyring {
  const keys: EncryptionKey[] = []
  let version = 0
  /** By algorithm and key id; made anew when there are more algorithms. */
  let found = new Map<string, EncryptionKey>()
  let algorithmsSeen = 0
  const enter = (key: EncryptionKey, algorithms: readonly EncryptionAlgorithm[]) => {
    for (const algorithm of algorithms) {
      const keyId = algorithm.keyIdOf(key)
      if (keyId !== undefined) found.set(nameOf(algorithm.id) + nameOf(keyId), key)
    }
  }
  return {
    add: key => {
      if (keys.length >= keysMax) throw new LeafError('TooLarge', `expected at most ${keysMax} keys`)
      keys.push(key)
      enter(key, registry.algorithms())
      version += 1
    },
    find: (algorithm, keyId) => {
      const algorithms = registry.algorithms()
      if (algorithms.length !== algorithmsSeen) {
        algorithmsSeen = algorithms.length
        found = new Map()
        for (const key of keys) enter(key, algorithms)
      }
      return found.get(nameOf(algorithm) + nameOf(keyId))
    },
    get version() {
      return version
    },
  }
}
