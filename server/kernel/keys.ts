/** Keys: sealing at rest, secp256k1 and P-256 signatures, did:key. */
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  verify,
} from 'node:crypto'
import { createBoundedMap } from './bounded-map.ts'
import { formatDidKey, parseDidKey } from './did-key.ts'
import { Corruption } from './errors.ts'
import { isLowS, normalizeS } from './low-s.ts'
import { type Random, systemRandom } from './random.ts'
import { secp256k1 } from './secp256k1.ts'

/** Seals secrets with AES-256-GCM under a key derived by HKDF-SHA256 from the sealing secret; a fresh 12-byte IV each. */
export interface Sealer {
  /** `version(1) ‖ iv(12) ‖ ciphertext ‖ tag(16)`. `context` is bound in as additional data (`pds/signing-key/did:plc:…`). */
  seal(plain: Uint8Array, context: string): Uint8Array
  /** Throws Corruption when the bytes were not sealed by this secret for this context. */
  open(sealed: Uint8Array, context: string): Uint8Array
}

/** `did:key:z…` of a secp256k1 or P-256 public key. */
export type DidKey = `did:key:${string}`

/** A secp256k1 key pair. `secret` is 32 bytes and never leaves sealed storage in the clear. */
export interface SigningKey {
  readonly secret: Uint8Array
  readonly didKey: DidKey
  /** 64 bytes, r ‖ s, low S, deterministic (RFC 6979), over SHA-256 of `bytes`. Synchronous, native. */
  sign(bytes: Uint8Array): Uint8Array
}

const sealVersion = 1
const ivBytes = 12
const tagBytes = 16

const aad = (context: string) => Buffer.from(`${sealVersion}:${context}`)

/** A `Sealer` for a secret of at least 32 characters (the configured sealing key). */
export function createSealer(secret: string, random: Random = systemRandom): Sealer {
  const sealingKey = createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'leaf sealing v1', 32)))
  return {
    seal: (plain, context) => {
      const iv = random.bytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', sealingKey, iv, { authTagLength: tagBytes })
      cipher.setAAD(aad(context))
      const body = [cipher.update(plain), cipher.final()]
      return new Uint8Array(Buffer.concat([Uint8Array.of(sealVersion), iv, ...body, cipher.getAuthTag()]))
    },
    open: (sealed, context) => {
      if (sealed.length < 1 + ivBytes + tagBytes || sealed[0] !== sealVersion) {
        throw new Corruption(
          `expected a sealed secret of version ${sealVersion} (${context}), got ${sealed.length} bytes`,
        )
      }
      const iv = sealed.subarray(1, 1 + ivBytes)
      const decipher = createDecipheriv('aes-256-gcm', sealingKey, iv, { authTagLength: tagBytes })
      decipher.setAAD(aad(context))
      decipher.setAuthTag(sealed.subarray(-tagBytes))
      try {
        const body = decipher.update(sealed.subarray(1 + ivBytes, -tagBytes))
        return new Uint8Array(Buffer.concat([body, decipher.final()]))
      } catch (cause) {
        throw new Corruption(
          `${context} was not sealed with this sealing key: the configured key is another one, or the row was altered`,
          { cause },
        )
      }
    },
  }
}

/** A new secp256k1 key pair. */
export function generateSigningKey(random: Random): SigningKey {
  for (;;) {
    const secret = random.bytes(32)
    // All but about one in 2^128 draws are valid, so this ends at once.
    if (secp256k1.isSecret(secret)) return signingKeyFrom(secret)
  }
}

/** The key pair of a 32-byte secret. Throws Corruption when it is none (zero, or not below the group's order). */
export function signingKeyFrom(secret: Uint8Array): SigningKey {
  if (!secp256k1.isSecret(secret))
    throw new Corruption(`expected a secp256k1 secret of 32 bytes, got ${secret.length}`)
  return {
    secret,
    didKey: formatDidKey({ curve: 'k256', point: secp256k1.publicKey(secret) }),
    sign: bytes => secp256k1.sign(bytes, secret),
  }
}

export interface VerifyOptions {
  /** Also take `n - s`: right for JWTs, wrong for commits and PLC operations. */
  readonly allowHighS?: boolean
}

type Verifier = (bytes: Uint8Array, signature: Uint8Array) => boolean

const verifiersMax = 4096
// Parsing a point costs as much as verifying with it; a pure function of the key, hence kept for all callers.
const verifiers = createBoundedMap<string, Verifier>(verifiersMax)

/** Whether `signature` (64 bytes r ‖ s) is of `bytes` (hashed with SHA-256) by this key. Whatever is malformed is `false`. */
export function verifySignature(
  didKey: string,
  bytes: Uint8Array,
  signature: Uint8Array,
  options: VerifyOptions = {},
): boolean {
  if (signature.length !== 64) return false
  let verifier = verifiers.get(didKey)
  if (verifier === undefined) {
    verifier = createVerifier(didKey)
    if (verifier === undefined) return false
    verifiers.set(didKey, verifier)
  }
  if (options.allowHighS !== true) return verifier(bytes, signature)
  const curve = parseDidKey(didKey)?.curve ?? 'k256'
  return verifier(bytes, normalizeS(curve, signature))
}

function createVerifier(didKey: string): Verifier | undefined {
  const key = parseDidKey(didKey)
  if (key === undefined) return undefined
  if (key.curve === 'k256') {
    const { point } = key
    return (bytes, signature) => secp256k1.verify(bytes, signature, point)
  }
  const publicKey = p256Key(key.point)
  if (publicKey === undefined) return undefined
  return (bytes, signature) =>
    isLowS('p256', signature) &&
    verify('sha256', bytes, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
}

/** DER before the 33 bytes of a compressed P-256 point (SubjectPublicKeyInfo). */
const p256Head = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex')

function p256Key(point: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.concat([p256Head, point]), format: 'der', type: 'spki' })
  } catch {
    return undefined // not on the curve
  }
}
