/** Reads DRISL, and nothing that is only nearly DRISL. https://dasl.ing/drisl.html */
import { cidBytesLength, isCidBytes } from './cid.ts'
import { type DrislCid, type DrislFloat, drislKind, type DrislValue } from './drisl-value.ts'
import { LimitError, MalformedError } from './errors.ts'

/** Arrays and maps within one another. */
export const drislDepthMax = 128

export interface DecodeDrislOptions {
  /** Arrays and maps within one another that are taken; `drislDepthMax` when not given, and at most that. */
  readonly depthMax?: number
}

interface Reader {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly depthMax: number
  at: number
}

/**
 * The value of exactly one item. Byte strings and links are views of the input: who keeps one longer than the input
 * copies it. Throws MalformedError with the offset for everything that has another canonical form or none, LimitError
 * (`depthMax`) for what is too deep. Takes no more memory than a fixed multiple of the input.
 */
export function decodeDrisl(input: Uint8Array, options: DecodeDrislOptions = {}): DrislValue {
  const depthMax = Math.min(options.depthMax ?? drislDepthMax, drislDepthMax)
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  // The views of a Buffer would be Buffers, another class with other habits.
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  const reader: Reader = { bytes, view, depthMax, at: 0 }
  const value = read(reader, 0)
  if (reader.at !== bytes.length)
    throw new MalformedError(`${bytes.length - reader.at} bytes follow the item`, reader.at)
  return value
}

function read(reader: Reader, depth: number): DrislValue {
  const start = reader.at
  const head = reader.bytes[start]
  if (head === undefined) throw cutOff(reader)
  const major = head >> 5
  if (major === 7) return readSimple(reader, head)
  const argument = readArgument(reader)
  if (major === 0) return argument
  if (major === 1) return negative(argument)
  if (major === 6) return readLink(reader, argument, start)
  // A length beyond the input cannot be true, so that nothing is allocated for it.
  if (typeof argument === 'bigint' || argument > reader.bytes.length - reader.at) throw cutOff(reader)
  if (major === 2) return take(reader, argument)
  if (major === 3) return readText(reader, argument)
  if (depth >= reader.depthMax)
    throw new LimitError('depthMax', `deeper than ${reader.depthMax} levels`, start)
  return major === 4 ? readArray(reader, argument, depth) : readMap(reader, argument, depth)
}

function readArray(reader: Reader, length: number, depth: number): DrislValue {
  const items: DrislValue[] = []
  for (let index = 0; index < length; index += 1) items.push(read(reader, depth + 1))
  return items
}

function readMap(reader: Reader, length: number, depth: number): DrislValue {
  const map: Record<string, DrislValue> = Object.create(null)
  let before = { begin: 0, end: 0 }
  for (let index = 0; index < length; index += 1) {
    const start = reader.at
    const head = reader.bytes[start]
    if (head === undefined) throw cutOff(reader)
    if (head >> 5 !== 3) throw new MalformedError('a key of a map is text', start)
    const keyLength = readArgument(reader)
    if (typeof keyLength === 'bigint' || keyLength > reader.bytes.length - reader.at) throw cutOff(reader)
    const own = { begin: reader.at, end: reader.at + keyLength }
    if (index > 0 && compareRanges(reader.bytes, before, own) >= 0)
      throw new MalformedError('keys of a map are sorted, the shorter first, and never the same twice', start)
    before = own
    const key = readText(reader, keyLength)
    map[key] = read(reader, depth + 1)
  }
  return map
}

interface Range {
  readonly begin: number
  readonly end: number
}

function compareRanges(bytes: Uint8Array, a: Range, b: Range): number {
  const length = a.end - a.begin
  if (length !== b.end - b.begin) return length - (b.end - b.begin)
  for (let index = 0; index < length; index += 1) {
    const difference = (bytes[a.begin + index] ?? 0) - (bytes[b.begin + index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function readSimple(reader: Reader, head: number): DrislValue {
  reader.at += 1
  if (head === 0xf4) return false
  if (head === 0xf5) return true
  if (head === 0xf6) return null
  if (head === 0xfb) return readFloat(reader)
  if (head === 0xf9 || head === 0xfa) throw new MalformedError('floats of DRISL have 64 bits', reader.at - 1)
  throw new MalformedError('of simple values DRISL has only false, true and null', reader.at - 1)
}

function readFloat(reader: Reader): DrislFloat {
  if (reader.at + 8 > reader.bytes.length) throw cutOff(reader)
  const value = reader.view.getFloat64(reader.at)
  if (!Number.isFinite(value)) throw new MalformedError('a float of DRISL is finite', reader.at - 1)
  reader.at += 8
  return { [drislKind]: 'float', value }
}

function readLink(reader: Reader, tag: number | bigint, start: number): DrislCid {
  if (tag !== 42) throw new MalformedError(`of tags DRISL has only 42, not ${tag}`, start)
  const length = cidBytesLength + 1
  const { bytes, at } = reader
  if (bytes[at] === undefined) throw cutOff(reader)
  const isLink = bytes[at] === 0x58 && bytes[at + 1] === length && bytes[at + 2] === 0
  const cid = bytes.subarray(at + 3, at + 2 + length)
  if (!isLink || !isCidBytes(cid))
    throw new MalformedError('a link is a CID of version 1, dag-cbor or raw, SHA-256, after a zero', start)
  reader.at = at + 2 + length
  return { [drislKind]: 'cid', bytes: cid }
}

/** The argument of the item that begins here, in its shortest form; the reader stands behind it. */
function readArgument(reader: Reader): number | bigint {
  const { view, at } = reader
  const info = (reader.bytes[at] ?? 0) & 31
  if (info < 24) {
    reader.at = at + 1
    return info
  }
  if (info > 27) throw new MalformedError('lengths of DRISL are definite', at)
  const width = 1 << (info - 24)
  if (at + 1 + width > view.byteLength) throw cutOff(reader)
  reader.at = at + 1 + width
  if (info === 24) return shortest(view.getUint8(at + 1), 24, at)
  if (info === 25) return shortest(view.getUint16(at + 1), 0x100, at)
  if (info === 26) return shortest(view.getUint32(at + 1), 0x10000, at)
  const high = shortest(view.getUint32(at + 1), 1, at)
  if (high < 0x200000) return high * 0x100000000 + view.getUint32(at + 5)
  return view.getBigUint64(at + 1)
}

function shortest(value: number, least: number, at: number): number {
  if (value < least) throw new MalformedError('an integer or a length is not in its shortest form', at)
  return value
}

function negative(argument: number | bigint): number | bigint {
  if (typeof argument === 'bigint') return -1n - argument
  return argument < Number.MAX_SAFE_INTEGER ? -1 - argument : -1n - BigInt(argument)
}

function take(reader: Reader, length: number): Uint8Array {
  const bytes = reader.bytes.subarray(reader.at, reader.at + length)
  reader.at += length
  return bytes
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Longer ones are not worth a loop in JavaScript. */
const shortText = 32

function readText(reader: Reader, length: number): string {
  const { bytes, at } = reader
  reader.at = at + length
  if (length <= shortText) {
    let text = ''
    let index = at
    for (; index < at + length; index += 1) {
      const byte = bytes[index] ?? 0
      if (byte > 0x7f) break
      text += String.fromCharCode(byte)
    }
    if (index === at + length) return text
  }
  try {
    return utf8.decode(bytes.subarray(at, at + length))
  } catch (cause) {
    throw Object.assign(new MalformedError('text is not UTF-8', at), { cause })
  }
}

function cutOff(reader: Reader): MalformedError {
  return new MalformedError('the item is cut off', reader.bytes.length)
}
