/** Sums of hashes modulo 2^256, big-endian. https://willowprotocol.org/specs/willow25/index.html#willow25_fingerprint */

export const sumBytes = 32
export const zeroSum: Uint8Array = new Uint8Array(sumBytes)

export function addSums(a: Uint8Array, b: Uint8Array): Uint8Array {
  const sum = new Uint8Array(sumBytes)
  let carry = 0
  for (let at = sumBytes - 1; at >= 0; at--) {
    carry += (a[at] as number) + (b[at] as number)
    sum[at] = carry & 0xff
    carry >>= 8
  }
  return sum
}

export function subtractSums(a: Uint8Array, b: Uint8Array): Uint8Array {
  const sum = new Uint8Array(sumBytes)
  let borrow = 0
  for (let at = sumBytes - 1; at >= 0; at--) {
    const difference = (a[at] as number) - (b[at] as number) - borrow
    sum[at] = difference & 0xff
    borrow = difference < 0 ? 1 : 0
  }
  return sum
}
