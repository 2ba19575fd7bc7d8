/**
 * The few strict DAG-CBOR readers and writers that nodes and commits need. Everything else goes through `@atcute/cbor`.
 * https://atproto.com/specs/data-model
 */
import { type Cid, cidBytesLength, codecDagCbor, readCid } from './cid.ts'
import { MalformedError } from './errors.ts'

/** A place in bytes that readers move forward. */
export interface Cursor {
  readonly bytes: Uint8Array
  at: number
}

export const majorUint = 0
export const majorBytes = 2
export const majorText = 3
export const majorArray = 4
export const majorMap = 5

/** A CID in CBOR: tag 42, byte string of 37 with a leading zero. */
export const cborCidLength = 5 + cidBytesLength

/** The argument of an item of the given major type, in its shortest form; at most 2^32 - 1. */
export function readArgument(cursor: Cursor, major: number, what: string): number {
  const start = cursor.at
  const head = byteAt(cursor, start, what)
  if (head >> 5 !== major)
    throw new MalformedError(`expected ${what}, got a head of 0x${head.toString(16)}`, start)
  const info = head & 31
  cursor.at = start + 1
  if (info < 24) return info
  const length = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : 0
  if (length === 0) throw new MalformedError(`the length of ${what} is too large or indefinite`, start)
  let value = 0
  for (let index = 0; index < length; index += 1)
    value = value * 256 + byteAt(cursor, start + 1 + index, what)
  const least = length === 1 ? 24 : length === 2 ? 0x100 : 0x10000
  if (value < least) throw new MalformedError(`the length of ${what} is not in its shortest form`, start)
  cursor.at = start + 1 + length
  return value
}

/** A byte string, as a view. */
export function readBytes(cursor: Cursor, what: string): Uint8Array {
  return take(cursor, readArgument(cursor, majorBytes, what), what)
}

/** A text of printable ASCII. */
export function readAscii(cursor: Cursor, what: string): string {
  const length = readArgument(cursor, majorText, what)
  const start = cursor.at
  const bytes = take(cursor, length, what)
  for (let index = 0; index < length; index += 1) {
    const code = bytes[index] ?? 0
    if (code < 0x20 || code > 0x7e) throw new MalformedError(`${what} is not ASCII`, start + index)
  }
  return asciiOf(bytes, 0, length)
}

/** Passes over a map's key that must be exactly `name` (ASCII, shorter than 24). */
export function expectKey(cursor: Cursor, name: string): void {
  const { bytes, at } = cursor
  let same = bytes[at] === (majorText << 5) + name.length
  for (let index = 0; same && index < name.length; index += 1)
    same = bytes[at + 1 + index] === name.charCodeAt(index)
  if (!same) throw new MalformedError(`expected the key "${name}"`, at)
  cursor.at = at + 1 + name.length
}

/** A link to a DAG-CBOR item, as a view. */
export function readLink(cursor: Cursor, what: string): Cid {
  const { bytes, at } = cursor
  if (
    bytes[at] !== 0xd8 ||
    bytes[at + 1] !== 42 ||
    bytes[at + 2] !== 0x58 ||
    bytes[at + 3] !== cidBytesLength + 1 ||
    bytes[at + 4] !== 0
  ) {
    throw new MalformedError(`expected ${what} as a link`, at)
  }
  const cid = readCid(bytes, at + 5)
  if (cid[1] !== codecDagCbor) throw new MalformedError(`${what} is not a link to DAG-CBOR`, at + 6)
  cursor.at = at + cborCidLength
  return cid
}

/** A link, or null. */
export function readLinkOrNull(cursor: Cursor, what: string): Cid | null {
  if (cursor.bytes[cursor.at] !== 0xf6) return readLink(cursor, what)
  cursor.at += 1
  return null
}

/** Refuses what follows the item. */
export function expectEnd(cursor: Cursor, what: string): void {
  if (cursor.at !== cursor.bytes.length) throw new MalformedError(`bytes follow ${what}`, cursor.at)
}

/** Bytes that the head of an item with this argument takes; at most 2^53 - 1. */
export function headLength(argument: number): number {
  return argument < 24 ? 1 : argument < 0x100 ? 2 : argument < 0x10000 ? 3 : argument < 0x100000000 ? 5 : 9
}

/** Writes an item's head at `at`; gives the place behind it. */
export function writeHead(out: Uint8Array, at: number, major: number, argument: number): number {
  const type = major << 5
  if (argument < 24) {
    out[at] = type | argument
    return at + 1
  }
  const length = headLength(argument) - 1
  out[at] = type | (length === 1 ? 24 : length === 2 ? 25 : length === 4 ? 26 : 27)
  for (let index = length, rest = argument; index > 0; index -= 1, rest = Math.floor(rest / 256))
    out[at + index] = rest & 255
  return at + 1 + length
}

/** Writes a map's key of fewer than 24 ASCII characters. */
export function writeKey(out: Uint8Array, at: number, name: string): number {
  out[at] = (majorText << 5) | name.length
  for (let index = 0; index < name.length; index += 1) out[at + 1 + index] = name.charCodeAt(index)
  return at + 1 + name.length
}

/** Writes a link, or null. */
export function writeLinkOrNull(out: Uint8Array, at: number, cid: Cid | null): number {
  if (cid === null) {
    out[at] = 0xf6
    return at + 1
  }
  out[at] = 0xd8
  out[at + 1] = 42
  out[at + 2] = 0x58
  out[at + 3] = cidBytesLength + 1
  out[at + 4] = 0
  out.set(cid, at + 5)
  return at + cborCidLength
}

/** Bytes that a text of ASCII takes. */
export function asciiLength(text: string): number {
  return headLength(text.length) + text.length
}

/** Writes a text of ASCII; throws MalformedError for other characters. */
export function writeAscii(out: Uint8Array, at: number, text: string): number {
  const start = writeHead(out, at, majorText, text.length)
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code > 0x7e) throw new MalformedError(`expected ASCII, got ${text}`, index)
    out[start + index] = code
  }
  return start + text.length
}

/** The characters from `start` to `end` (exclusive) of ASCII bytes. */
export function asciiOf(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let index = start; index < end; index += 1) text += String.fromCharCode(bytes[index] ?? 0)
  return text
}

/** The bytes of an ASCII text. */
export function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index)
  return bytes
}

function take(cursor: Cursor, length: number, what: string): Uint8Array {
  const { bytes, at } = cursor
  if (length > bytes.length - at) throw new MalformedError(`${what} ends too early`, bytes.length)
  cursor.at = at + length
  return bytes.subarray(at, at + length)
}

function byteAt(cursor: Cursor, at: number, what: string): number {
  const byte = cursor.bytes[at]
  if (byte === undefined) throw new MalformedError(`${what} ends too early`, at)
  return byte
}
