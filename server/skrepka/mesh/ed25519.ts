/**
 * Ed25519 as relays must check it: what a signature proves about a key has to be true of its owner alone.
 * RFC 8032 leaves small-order and non-canonical points to the implementation, and libraries differ (OpenSSL has
 * changed its mind): with the identity point as key, one signature is right for every message.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'

/** p = 2^255 - 19, and the y of the points whose order divides 8; little-endian, without the sign bit. */
const fieldPrime = Buffer.from('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', 'hex')
const smallOrder: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
])

/** Whether 32 bytes are the canonical encoding of a y that is not of small order. Says nothing of whether the point exists. */
export function isStrictPoint(bytes: Uint8Array): boolean {
  if (bytes.length !== 32) return false
  const y = Buffer.from(bytes)
  y[31] = (y[31] ?? 0) & 0x7f
  return isBelowPrime(y) && !smallOrder.has(y.toString('hex'))
}

function isBelowPrime(y: Uint8Array): boolean {
  for (let at = 31; at >= 0; at -= 1) {
    const difference = (y[at] ?? 0) - (fieldPrime[at] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

/**
 * Whether `signature` (64 bytes) over `message` was made by the owner of `publicKey` (32 bytes). False for keys and
 * commitments of small order or in a second spelling, and for 32 bytes that are no point; never throws.
 */
export function verifyStrict(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64 || !isStrictPoint(publicKey) || !isStrictPoint(signature.subarray(0, 32))) {
    return false
  }
  const key = publicKeyOf(publicKey)
  return key !== undefined && verify(null, message, key, signature)
}

function publicKeyOf(bytes: Uint8Array): KeyObject | undefined {
  try {
    const x = Buffer.from(bytes).toString('base64url')
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  } catch {
    return undefined // not a point
  }
}
