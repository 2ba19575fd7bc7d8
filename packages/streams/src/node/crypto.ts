/** Hashing, and signatures of `did:key`s, by Node's own code. */
import { Buffer } from 'node:buffer'
import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto'

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', bytes, 'buffer'))
}

/** DER of a SubjectPublicKeyInfo up to its 33 bytes of compressed point, by the first bytes of the key's multicodec. */
const derPrefixes: Readonly<Record<string, string>> = {
  // secp256k1
  e701: '3036301006072a8648ce3d020106052b8104000a032200',
  // P-256
  '8024': '3039301306072a8648ce3d020106082a8648ce3d030107032200',
}

/**
 * Whether this key (`did:key:z…`, secp256k1 or P-256) signed the message: ECDSA with SHA-256, 64 bytes r ‖ s. What is
 * malformed is `false`.
 */
export function verifyDidKey(didKey: string, message: Uint8Array, signature: Uint8Array): boolean {
  const key = keyOf(didKey)
  if (key === undefined || signature.length !== 64) return false
  return verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

function keyOf(didKey: string): KeyObject | undefined {
  const bytes = didKey.startsWith('did:key:z') ? fromBase58(didKey.slice('did:key:z'.length)) : undefined
  if (bytes === undefined || bytes.length !== 35) return undefined
  const prefix = derPrefixes[Buffer.from(bytes.subarray(0, 2)).toString('hex')]
  if (prefix === undefined) return undefined
  const der = Buffer.concat([Buffer.from(prefix, 'hex'), bytes.subarray(2)])
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch {
    return undefined // a point that is not on the curve
  }
}

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
/** A key has 48. */
const base58CharactersMax = 64

function fromBase58(text: string): Uint8Array | undefined {
  if (text.length > base58CharactersMax) return undefined
  let value = 0n
  for (const character of text) {
    const digit = base58.indexOf(character)
    if (digit < 0) return undefined
    value = value * 58n + BigInt(digit)
  }
  const digits = value.toString(16)
  return new Uint8Array(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex'))
}
