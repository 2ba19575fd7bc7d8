/** Writes DRISL: the one canonical form of a value. https://dasl.ing/drisl.html */
import { type DrislCid, type DrislFloat, type DrislInput, drislKind, type RawDrisl } from './drisl-value.ts'
import { MalformedError } from './errors.ts'
import { drislDepthMax } from './drisl-decode.ts'

const integerMax = 2n ** 64n - 1n
const integerMin = -(2n ** 64n)
const firstBytes = 256

interface Writer {
  bytes: Uint8Array
  view: DataView
  at: number
}

/**
 * The DRISL of a value. Throws MalformedError (its offset is the place in the output) for what DRISL cannot say: NaN
 * and infinities, whole numbers beyond ±2^53 as `number`, integers beyond 64 bits, lone surrogates, more than 128
 * levels, `undefined` in an array.
 */
export function encodeDrisl(value: DrislInput): Uint8Array {
  const bytes = new Uint8Array(firstBytes)
  const writer: Writer = { bytes, view: new DataView(bytes.buffer), at: 0 }
  write(writer, value, 0)
  return writer.bytes.slice(0, writer.at)
}

function write(writer: Writer, value: DrislInput | undefined, depth: number): void {
  switch (typeof value) {
    case 'string':
      return writeText(writer, value)
    case 'number':
      return writeNumber(writer, value)
    case 'bigint':
      return writeBigint(writer, value)
    case 'boolean':
      return writeByte(writer, value ? 0xf5 : 0xf4)
    case 'object':
      return writeObject(writer, value, depth)
    default:
      throw new MalformedError(`DRISL has nothing for ${typeof value}`, writer.at)
  }
}

function writeObject(writer: Writer, value: DrislInput & (object | null), depth: number): void {
  if (value === null) return writeByte(writer, 0xf6)
  if (value instanceof Uint8Array) return writeBytes(writer, value)
  if (isMarked(value)) return writeMarked(writer, value)
  if (depth >= drislDepthMax) throw new MalformedError(`deeper than ${drislDepthMax} levels`, writer.at)
  if (isList(value)) {
    writeHead(writer, 4, value.length)
    for (let index = 0; index < value.length; index += 1) write(writer, value[index], depth + 1)
    return
  }
  const keys = sortedKeys(value)
  writeHead(writer, 5, keys.length)
  for (const key of keys) {
    writeText(writer, key)
    write(writer, value[key], depth + 1)
  }
}

function isMarked(value: object): value is DrislFloat | DrislCid | RawDrisl {
  return drislKind in value
}

function isList(value: object): value is readonly DrislInput[] {
  return Array.isArray(value)
}

function writeMarked(writer: Writer, value: DrislFloat | DrislCid | RawDrisl): void {
  switch (value[drislKind]) {
    case 'float':
      return writeFloat(writer, value.value)
    case 'cid':
      // Tag 42, then a byte string that begins with the zero of an identity multibase.
      if (writer.at + 5 + value.bytes.length > writer.bytes.length) grow(writer, 5 + value.bytes.length)
      writer.view.setUint16(writer.at, 0xd82a)
      writer.at += 2
      writeHead(writer, 2, value.bytes.length + 1)
      writeByte(writer, 0)
      return append(writer, value.bytes)
    case 'raw':
      return append(writer, value.bytes)
  }
}

function writeNumber(writer: Writer, value: number): void {
  if (!Number.isInteger(value)) return writeFloat(writer, value)
  if (!Number.isSafeInteger(value))
    throw new MalformedError(
      'a whole number beyond 2^53 must say whether it is a float or a bigint',
      writer.at,
    )
  if (value >= 0) writeHead(writer, 0, value)
  else writeHead(writer, 1, -1 - value)
}

function writeBigint(writer: Writer, value: bigint): void {
  if (value > integerMax || value < integerMin)
    throw new MalformedError('an integer has at most 64 bits and a sign', writer.at)
  const major = value < 0n ? 1 : 0
  const argument = value < 0n ? -1n - value : value
  if (argument <= Number.MAX_SAFE_INTEGER) return writeHead(writer, major, Number(argument))
  if (writer.at + 9 > writer.bytes.length) grow(writer, 9)
  writer.view.setUint8(writer.at, (major << 5) | 27)
  writer.view.setBigUint64(writer.at + 1, argument)
  writer.at += 9
}

function writeFloat(writer: Writer, value: number): void {
  if (!Number.isFinite(value)) throw new MalformedError('a float of DRISL is finite', writer.at)
  if (writer.at + 9 > writer.bytes.length) grow(writer, 9)
  writer.view.setUint8(writer.at, 0xfb)
  writer.view.setFloat64(writer.at + 1, value)
  writer.at += 9
}

function writeBytes(writer: Writer, value: Uint8Array): void {
  writeHead(writer, 2, value.length)
  append(writer, value)
}

const textEncoder = new TextEncoder()
/** Longer ones are not worth a loop in JavaScript. */
const shortText = 64

function writeText(writer: Writer, value: string): void {
  if (value.length <= shortText && writeShortAscii(writer, value)) return
  if (!value.isWellFormed()) throw new MalformedError('text with half a surrogate pair', writer.at)
  const bytes = textEncoder.encode(value)
  writeHead(writer, 3, bytes.length)
  append(writer, bytes)
}

function writeShortAscii(writer: Writer, value: string): boolean {
  const begin = writer.at
  if (writer.at + 2 + value.length > writer.bytes.length) grow(writer, 2 + value.length)
  writeHead(writer, 3, value.length)
  const { bytes } = writer
  let at = writer.at
  for (let index = 0; index < value.length; index += 1) {
    const unit = value.charCodeAt(index)
    if (unit > 0x7f) {
      writer.at = begin
      return false
    }
    bytes[at] = unit
    at += 1
  }
  writer.at = at
  return true
}

/** `argument` is a safe integer. */
function writeHead(writer: Writer, major: number, argument: number): void {
  if (writer.at + 9 > writer.bytes.length) grow(writer, 9)
  const { view, at } = writer
  const top = major << 5
  if (argument < 24) {
    view.setUint8(at, top | argument)
    writer.at += 1
  } else if (argument < 0x100) {
    view.setUint16(at, ((top | 24) << 8) | argument)
    writer.at += 2
  } else if (argument < 0x10000) {
    view.setUint8(at, top | 25)
    view.setUint16(at + 1, argument)
    writer.at += 3
  } else if (argument < 0x100000000) {
    view.setUint8(at, top | 26)
    view.setUint32(at + 1, argument)
    writer.at += 5
  } else {
    view.setUint8(at, top | 27)
    view.setUint32(at + 1, Math.floor(argument / 0x100000000))
    view.setUint32(at + 5, argument >>> 0)
    writer.at += 9
  }
}

function writeByte(writer: Writer, byte: number): void {
  if (writer.at + 1 > writer.bytes.length) grow(writer, 1)
  writer.bytes[writer.at] = byte
  writer.at += 1
}

function append(writer: Writer, bytes: Uint8Array): void {
  if (writer.at + bytes.length > writer.bytes.length) grow(writer, bytes.length)
  writer.bytes.set(bytes, writer.at)
  writer.at += bytes.length
}

/** Makes room for so many more bytes. Callers look first: most of them have it. */
function grow(writer: Writer, more: number): void {
  const larger = new Uint8Array(Math.max(writer.at + more, writer.bytes.length * 2))
  larger.set(writer.bytes.subarray(0, writer.at))
  writer.bytes = larger
  writer.view = new DataView(larger.buffer)
}

function sortedKeys(map: { readonly [key: string]: DrislInput | undefined }): readonly string[] {
  const keys = Object.keys(map)
  let kept = 0
  for (const key of keys) {
    if (map[key] === undefined) continue
    keys[kept] = key
    kept += 1
  }
  keys.length = kept
  return kept > insertionMax ? keys.sort(compareKeys) : insertionSort(keys)
}

/** Maps are small, and many come in order. */
const insertionMax = 16

function insertionSort(keys: string[]): string[] {
  for (let index = 1; index < keys.length; index += 1) {
    const key = keys[index] ?? ''
    let at = index
    for (; at > 0; at -= 1) {
      const before = keys[at - 1] ?? ''
      if (compareKeys(before, key) <= 0) break
      keys[at] = before
    }
    keys[at] = key
  }
  return keys
}

/** Orders keys as DRISL does: the shorter in UTF-8 first, then bytewise. */
export function compareKeys(a: string, b: string): number {
  const shorter = utf8Length(a) - utf8Length(b)
  return shorter !== 0 ? shorter : compareCodePoints(a, b)
}

/** Code points are ordered as their UTF-8 bytes are; UTF-16 units are not. */
function compareCodePoints(a: string, b: string): number {
  for (let index = 0; index < a.length && index < b.length; index += 1) {
    if (a.charCodeAt(index) !== b.charCodeAt(index))
      return (a.codePointAt(index) ?? 0) - (b.codePointAt(index) ?? 0)
  }
  return a.length - b.length
}

function utf8Length(text: string): number {
  let length = text.length
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) continue
    // Each half of a pair counts two bytes, the pair four.
    length += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2
  }
  return length
}
