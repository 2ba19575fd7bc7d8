/** ECDSA signatures have two forms, `s` and `n - s`; ATProto takes the lower one. */
import type { Curve } from './did-key.ts'

const orders: Readonly<Record<Curve, bigint>> = {
  k256: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
  p256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
}

const halves: Readonly<Record<Curve, Buffer>> = {
  k256: bytesOf(orders.k256 / 2n),
  p256: bytesOf(orders.p256 / 2n),
}

/** Whether the second half of a 64-byte signature is at most half of the group's order. */
export function isLowS(curve: Curve, signature: Uint8Array): boolean {
  return halves[curve].compare(signature, 32, 64) >= 0
}

/** The same signature with low S; a copy when it had to be changed. */
export function normalizeS(curve: Curve, signature: Uint8Array): Uint8Array {
  if (isLowS(curve, signature)) return signature
  const s = BigInt(`0x${Buffer.from(signature.subarray(32, 64)).toString('hex')}`)
  const low = orders[curve] - s
  // An s above the order is no signature at all; leave it to the verifier.
  return low < 0n ? signature : Uint8Array.of(...signature.subarray(0, 32), ...bytesOf(low))
}

function bytesOf(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex')
}
