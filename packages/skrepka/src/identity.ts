/**
 * A Skrepka identity is an Ed25519 key. The X25519 key with which others seal for it derives from the same seed as
 * libsodium does it: secret = clamp(SHA-512(seed)[0..32]), public u = (1 + y) / (1 - y).
 */
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { MalformedError } from './errors.ts'
import { toHex } from './hex.ts'

/** Who one is. The secret stays inside: an identity may be backed by keys that cannot be read. */
export interface Identity {
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array
  /** The same as 64 lower-case hex digits: the address of the mailbox. */
  readonly key: string
  /** 32 bytes, X25519. */
  readonly agreementKey: Uint8Array
  /** An Ed25519 signature, 64 bytes. */
  sign(message: Uint8Array): Promise<Uint8Array>
  /** The X25519 secret shared with `publicKey`, 32 bytes. Rejects with MalformedError when that key is of small order. */
  agree(publicKey: Uint8Array): Promise<Uint8Array>
}

export const seedBytes = 32
export const publicKeyBytes = 32
export const signatureBytes = 64

/** The identity of a 32-byte seed, computed here in software. The seed is copied. */
export function identityFromSeed(seed: Uint8Array): Identity {
  if (seed.length !== seedBytes)
    throw new MalformedError(`expected a seed of ${seedBytes} bytes, got ${seed.length}`, 0)
  const secret = Uint8Array.from(seed)
  const agreementSecret = ed25519.utils.toMontgomerySecret(secret)
  return {
    ...publicPart(ed25519.getPublicKey(secret)),
    sign: async message => ed25519.sign(message, secret),
    agree: async publicKey => sharedSecret(agreementSecret, publicKey),
  }
}

/** What everybody may know of an identity. Throws MalformedError when the key is none that can be written to. */
export function publicPart(publicKey: Uint8Array): Pick<Identity, 'publicKey' | 'key' | 'agreementKey'> {
  return { publicKey, key: toHex(publicKey), agreementKey: agreementKeyOf(publicKey) }
}

/**
 * The X25519 key of an Ed25519 key. Throws MalformedError for bytes that are no point, a second spelling of one, or a
 * point of small order, which would be everybody's.
 */
export function agreementKeyOf(publicKey: Uint8Array): Uint8Array {
  if (!isIdentityKey(publicKey))
    throw new MalformedError('expected an Ed25519 public key, got bytes that are none', 0)
  return ed25519.utils.toMontgomery(publicKey)
}

/** Whether 32 bytes are an Ed25519 key that one person can own. */
export function isIdentityKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== publicKeyBytes) return false
  try {
    // Strict decoding refuses y ≥ p, so every key has one spelling.
    return !ed25519.Point.fromBytes(publicKey, false).isSmallOrder()
  } catch {
    return false
  }
}

/** X25519. Throws MalformedError when the result is all zero (RFC 7748, section 6.1). */
export function sharedSecret(secret: Uint8Array, publicKey: Uint8Array): Uint8Array {
  try {
    return x25519.getSharedSecret(secret, publicKey)
  } catch (cause) {
    throw new MalformedError(
      `expected an X25519 public key that shares a secret, got one that does not (${String(cause)})`,
      0,
    )
  }
}

/** Whether `signature` over `message` is the owner's of `publicKey`: RFC 8032, strict. Never throws. */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== signatureBytes || !isIdentityKey(publicKey)) return false
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false })
  } catch {
    return false
  }
}
