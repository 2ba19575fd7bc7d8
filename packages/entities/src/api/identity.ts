/** Keys of a person on a device: one seed, from which everything else follows. */
import { x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Ed25519, KeyPair } from '../crypto.ts'
import type { EncryptionKey } from '../encryption/algorithm.ts'
import type { Subspace } from './place.ts'
import { LeafError } from './errors.ts'

export interface Identity extends Subspace {
  /** Ed25519: its public half names the subspace. */
  readonly keyPair: KeyPair
  /** X25519, of which others need the public half only (component EncryptionKey). */
  readonly encryptionKey: EncryptionKey & { readonly kind: 'recipient'; readonly secretKey: Uint8Array }
}

export const seedBytes = 32
const label = new TextEncoder().encode('leaf/encryption-key/1')

/** The identity of a seed. The encryption key is HKDF-SHA256 of it (no salt, info `leaf/encryption-key/1`). */
export async function identityFromSeed(ed25519: Ed25519, seed: Uint8Array): Promise<Identity> {
  if (seed.length !== seedBytes)
    throw new LeafError('BadFile', `expected a seed of ${seedBytes} bytes, got ${seed.length}`)
  const secretKey = seed.slice()
  const publicKey = await ed25519.publicKeyOf(secretKey)
  return {
    publicKey,
    keyPair: { publicKey, secretKey },
    encryptionKey: recipientOf(hkdf(sha256, secretKey, undefined, label, seedBytes)),
  }
}

/** A pair of X25519 from its secret half. */
export function recipientOf(secretKey: Uint8Array) {
  return { kind: 'recipient', publicKey: x25519.getPublicKey(secretKey), secretKey } as const
}
