/** What the library needs of the platform's cryptography; each home hands in its own. */
import { compareBytes } from './willow/path.ts'

/** Ed25519 keys: a seed of 32 bytes and the public key of 32 bytes. */
export interface KeyPair {
  readonly publicKey: Uint8Array
  readonly secretKey: Uint8Array
}

/** Ed25519 as the platform does it (RFC 8032). Native where there is one. */
export interface Ed25519 {
  /** The public key of a seed. */
  publicKeyOf(secretKey: Uint8Array): Promise<Uint8Array>
  /** 64 bytes. */
  sign(pair: KeyPair, message: Uint8Array): Promise<Uint8Array>
  /** Whether the signature holds; false for what is not a point, too. Called after the strict checks of `verifyStrict`. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>
}

/** The order of the group, little-endian: L = 2^252 + 27742317777372353535851937790883648493. */
const groupOrder = unhex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')
/** 2^255 − 19, little-endian. */
const fieldPrime = unhex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f')
/** The points whose order divides 8; the sign bit may be set on top. https://eprint.iacr.org/2020/1244 */
const smallOrder = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map(unhex)

function unhex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], byte => Number.parseInt(byte, 16))
}

function lessThan(a: Uint8Array, b: Uint8Array): boolean {
  for (let at = a.length - 1; at >= 0; at--) {
    if (a[at] !== b[at]) return (a[at] as number) < (b[at] as number)
  }
  return false
}

/** Whether 32 bytes may stand for a point: canonical, and of more than small order. Whether it is on the curve, verifying tells. */
export function isStrictPoint(encoding: Uint8Array): boolean {
  if (encoding.length !== 32) return false
  // Not `slice`: of a Node Buffer that is a view, and the key itself would change.
  const y = Uint8Array.from(encoding)
  y[31] = (y[31] as number) & 0x7f
  return lessThan(y, fieldPrime) && !smallOrder.some(point => compareBytes(point, y) === 0)
}

/**
 * Verifies like dalek's `verify_strict`: S below the group's order, R and the key canonical and not of small order, and
 * then the signature itself. So nobody shares a key with everybody, and a signature has one form.
 */
export async function verifyStrict(
  ed25519: Ed25519,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (signature.length !== 64 || !lessThan(signature.subarray(32), groupOrder)) return false
  if (!isStrictPoint(publicKey) || !isStrictPoint(signature.subarray(0, 32))) return false
  return ed25519.verify(publicKey, message, signature)
}
