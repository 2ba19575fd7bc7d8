/** Where Borsh is written to and read from. */
import { MalformedError } from '../errors.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes that grow. All integers are little-endian. */
export interface BorshWriter {
  u8(value: number): void
  u16(value: number): void
  u32(value: number): void
  u64(value: bigint): void
  f32(value: number): void
  f64(value: number): void
  raw(bytes: Uint8Array): void
  /** A length of four bytes, then UTF-8. The text must be well-formed. */
  text(value: string): void
  /** A copy of what was written. */
  finish(): Uint8Array
}

/** Starts with `capacity` bytes, and doubles. */
export function createWriter(capacity = 128): BorshWriter {
  let bytes = new Uint8Array(capacity)
  let view = new DataView(bytes.buffer)
  let length = 0
  /** The offset of new bytes. Taken before `view` is named: it may change with it. */
  const reserve = (more: number): number => {
    const at = length
    length += more
    if (length > bytes.length) {
      const grown = new Uint8Array(Math.max(bytes.length * 2, length))
      grown.set(bytes.subarray(0, at))
      bytes = grown
      view = new DataView(bytes.buffer)
    }
    return at
  }
  const raw = (more: Uint8Array) => {
    const at = reserve(more.length)
    bytes.set(more, at)
  }
  return {
    u8: value => {
      const at = reserve(1)
      bytes[at] = value
    },
    u16: value => {
      const at = reserve(2)
      view.setUint16(at, value, true)
    },
    u32: value => {
      const at = reserve(4)
      view.setUint32(at, value, true)
    },
    u64: value => {
      const at = reserve(8)
      view.setBigUint64(at, value, true)
    },
    f32: value => {
      const at = reserve(4)
      view.setFloat32(at, value, true)
    },
    f64: value => {
      const at = reserve(8)
      view.setFloat64(at, value, true)
    },
    raw,
    text: value => {
      const utf8 = encoder.encode(value)
      const at = reserve(4)
      view.setUint32(at, utf8.length, true)
      raw(utf8)
    },
    finish: () => bytes.slice(0, length),
  }
}

/** A position in bytes. Every method throws MalformedError at the offset where something is missing or wrong. */
export interface BorshReader {
  readonly bytes: Uint8Array
  /** Offset of the next byte. */
  at: number
  u8(): number
  u16(): number
  u32(): number
  u64(): bigint
  i64(): bigint
  f32(): number
  f64(): number
  /** A view of the input, not a copy. */
  raw(length: number): Uint8Array
  text(): string
  /** A length whose items take at least `itemBytesMin` bytes each: refused at once when they cannot all be there. */
  count(itemBytesMin: number): number
  /** Refuses bytes that are left over. */
  end(): void
}

/** Reads `bytes` from `start`. */
export function createReader(bytes: Uint8Array, start = 0): BorshReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const take = (length: number): number => {
    const { at } = reader
    if (length > bytes.length - at) {
      throw new MalformedError(
        `expected ${length} more ${length === 1 ? 'byte' : 'bytes'}, got ${bytes.length - at}`,
        at,
      )
    }
    reader.at = at + length
    return at
  }
  const reader: BorshReader = {
    bytes,
    at: start,
    u8: () => bytes[take(1)] as number,
    u16: () => view.getUint16(take(2), true),
    u32: () => view.getUint32(take(4), true),
    u64: () => view.getBigUint64(take(8), true),
    i64: () => view.getBigInt64(take(8), true),
    f32: () => view.getFloat32(take(4), true),
    f64: () => view.getFloat64(take(8), true),
    raw: length => {
      const at = take(length)
      return bytes.subarray(at, at + length)
    },
    text: () => {
      const begin = reader.at
      const utf8 = reader.raw(reader.u32())
      try {
        return decoder.decode(utf8)
      } catch {
        throw new MalformedError('expected UTF-8', begin + 4)
      }
    },
    count: itemBytesMin => {
      const begin = reader.at
      const count = reader.u32()
      const left = bytes.length - reader.at
      if (count * itemBytesMin > left) {
        throw new MalformedError(
          `expected ${count} items of at least ${itemBytesMin} bytes, got ${left} bytes`,
          begin,
        )
      }
      return count
    },
    end: () => {
      if (reader.at < bytes.length) {
        throw new MalformedError(`expected the end, got ${bytes.length - reader.at} more bytes`, reader.at)
      }
    },
  }
  return reader
}
