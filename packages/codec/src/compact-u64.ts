/**
 * Willow's compact encoding of 64-bit numbers: a tag of 2 to 8 bits, then 0, 1, 2, 4 or 8 bytes, big-endian. The tag says
 * how many bytes follow, or is the number itself where it is small enough.
 * https://willowprotocol.org/specs/encodings/index.html#compact_integers
 */
import { MalformedError } from './errors.ts'

/** The width of a tag in bits. */
export type TagWidth = 2 | 3 | 4 | 5 | 6 | 7 | 8

const u64Max = 2n ** 64n - 1n
const sizes = [1, 2, 4, 8] as const

/** The largest number that fits into a tag of this width without further bytes; -1 when there is none. */
function inlineMax(width: TagWidth): number {
  return 2 ** width - 5
}

/** The minimal tag of a number. Throws RangeError for what is not an unsigned 64-bit integer. */
export function tagOf(value: bigint, width: TagWidth): number {
  const size = compactSize(value, width)
  return size === 0 ? Number(value) : 2 ** width - 4 + sizes.indexOf(size as 1 | 2 | 4 | 8)
}

/** How many bytes follow the minimal tag: 0, 1, 2, 4 or 8. */
export function compactSize(value: bigint, width: TagWidth): 0 | 1 | 2 | 4 | 8 {
  if (value < 0n || value > u64Max) throw new RangeError(`expected an unsigned 64-bit integer, got ${value}`)
  if (value <= BigInt(inlineMax(width))) return 0
  if (value < 0x100n) return 1
  if (value < 0x1_0000n) return 2
  return value < 0x1_0000_0000n ? 4 : 8
}

/** How many bytes follow a tag. */
export function sizeOfTag(tag: number, width: TagWidth): 0 | 1 | 2 | 4 | 8 {
  const index = tag - (2 ** width - 4)
  return index < 0 ? 0 : (sizes[index] ?? 8)
}

/** Writes the bytes that follow the minimal tag; gives where it ended. */
export function writeCompact(value: bigint, width: TagWidth, into: Uint8Array, at: number): number {
  const size = compactSize(value, width)
  for (let index = size - 1, rest = value; index >= 0; index--, rest >>= 8n) {
    into[at + index] = Number(rest & 0xffn)
  }
  return at + size
}

/**
 * Reads the number that a tag and the bytes after it stand for. Throws MalformedError when bytes are missing, or when a
 * smaller encoding exists: every number has one encoding.
 */
export function readCompact(tag: number, width: TagWidth, bytes: Uint8Array, at: number): bigint {
  const size = sizeOfTag(tag, width)
  if (size === 0) return BigInt(tag)
  if (at + size > bytes.length) {
    throw new MalformedError(`expected ${size} bytes of a compact integer, got ${bytes.length - at}`, at)
  }
  let value = 0n
  for (let index = 0; index < size; index++) value = (value << 8n) | BigInt(bytes[at + index] as number)
  if (compactSize(value, width) !== size) {
    throw new MalformedError(`expected ${value} in ${compactSize(value, width)} bytes, got ${size}`, at)
  }
  return value
}
