/** Where Willow's encodings are written to and read from. Integers are big-endian or compact. */
import {
  compactSize,
  readCompact,
  sizeOfTag,
  type TagWidth,
  tagOf,
  writeCompact,
} from '@leaf/codec/compact-u64'
import { MalformedError } from '@leaf/codec/errors'

/** Bytes that grow. */
export interface WillowWriter {
  u8(value: number): void
  raw(bytes: Uint8Array): void
  /** The bytes after a tag that was written before. */
  compact(value: bigint, width: TagWidth): void
  /** A tag of eight bits and the bytes after it. */
  c64(value: bigint): void
  /** A copy of what was written. */
  finish(): Uint8Array
}

/** Starts empty. */
export function createWriter(capacity = 256): WillowWriter {
  let bytes = new Uint8Array(capacity)
  let length = 0
  /** The offset of new bytes. Taken before `bytes` is named: it may change with it. */
  const reserve = (more: number): number => {
    const at = length
    length += more
    if (length > bytes.length) {
      const grown = new Uint8Array(Math.max(bytes.length * 2, length))
      grown.set(bytes.subarray(0, at))
      bytes = grown
    }
    return at
  }
  const compact = (value: bigint, width: TagWidth) => {
    const at = reserve(compactSize(value, width))
    writeCompact(value, width, bytes, at)
  }
  const u8 = (value: number) => {
    const at = reserve(1)
    bytes[at] = value
  }
  return {
    u8,
    raw: more => {
      const at = reserve(more.length)
      bytes.set(more, at)
    },
    compact,
    c64: value => {
      u8(tagOf(value, 8))
      compact(value, 8)
    },
    finish: () => bytes.slice(0, length),
  }
}

/** A position in bytes. Every method throws MalformedError at the offset where something is missing or not canonical. */
export interface WillowReader {
  readonly bytes: Uint8Array
  /** Offset of the next byte. */
  at: number
  u8(): number
  /** A view of the input, not a copy. */
  raw(length: number): Uint8Array
  compact(tag: number, width: TagWidth): bigint
  c64(): bigint
  /** Refuses bytes that are left over. */
  end(): void
}

/** Reads `bytes` from `start`. */
export function createReader(bytes: Uint8Array, start = 0): WillowReader {
  const reader: WillowReader = {
    bytes,
    at: start,
    u8: () => {
      const byte = bytes[reader.at]
      if (byte === undefined) throw new MalformedError('expected one more byte, got the end', reader.at)
      reader.at += 1
      return byte
    },
    raw: length => {
      const { at } = reader
      if (length > bytes.length - at)
        throw new MalformedError(`expected ${length} more bytes, got ${bytes.length - at}`, at)
      reader.at = at + length
      return bytes.subarray(at, at + length)
    },
    compact: (tag, width) => {
      const value = readCompact(tag, width, bytes, reader.at)
      reader.at += sizeOfTag(tag, width)
      return value
    },
    c64: () => reader.compact(reader.u8(), 8),
    end: () => {
      if (reader.at < bytes.length)
        throw new MalformedError(`expected the end, got ${bytes.length - reader.at} more bytes`, reader.at)
    },
  }
  return reader
}

/** A length that was read, as a number, when it is at most `max`. */
export function lengthOf(value: bigint, max: number, what: string, at: number): number {
  if (value > BigInt(max)) throw new MalformedError(`expected ${what} of at most ${max}, got ${value}`, at)
  return Number(value)
}
