/**
 * JSON as DAG-CBOR, in one pass over values that `walkJson` has looked at. `@atcute/cbor`, its oracle in the tests,
 * takes every object for foreign that has a member `constructor`, which records may have.
 * https://atproto.com/specs/data-model
 */
import { cidBytesLength, cidFromString } from '@leaf/atproto/cid'

/** Bytes that a text takes at most for each of its UTF-16 units. */
const utf8PerUnit = 3
const headBytesMax = 9

interface Out {
  buffer: Buffer
  at: number
}

/** What records are encoded in before they are copied out; grows for large ones and is then let go. */
const startBytes = 16_384
let shared = Buffer.allocUnsafeSlow(startBytes)

/** The DAG-CBOR of JSON in which numbers are safe integers and `$link`, `$bytes` are well formed. */
export function encodeJson(value: unknown): Uint8Array {
  const out: Out = { buffer: shared, at: 0 }
  writeValue(out, value)
  // A copy of its own: it is kept, the buffer is used again.
  const bytes = new Uint8Array(out.at)
  bytes.set(out.buffer.subarray(0, out.at))
  return bytes
}

function writeValue(out: Out, value: unknown): void {
  switch (typeof value) {
    case 'string':
      return writeText(out, value)
    case 'number':
      return value < 0 ? writeHead(out, 1, -1 - value) : writeHead(out, 0, value)
    case 'boolean':
      return writeByte(out, value ? 0xf5 : 0xf4)
    case 'object':
      if (value === null) return writeByte(out, 0xf6)
      return Array.isArray(value) ? writeArray(out, value) : writeObject(out, value)
    default:
      throw new TypeError(`JSON has no ${typeof value}`)
  }
}

function writeArray(out: Out, items: readonly unknown[]): void {
  writeHead(out, 4, items.length)
  for (const item of items) writeValue(out, item)
}

function writeObject(out: Out, value: object): void {
  const members = value as Readonly<Record<string, unknown>> // an object that JSON.parse made
  const keys = Object.keys(members)
  if (keys.length === 1) {
    const text = members[keys[0] ?? '']
    if (keys[0] === '$link' && typeof text === 'string') return writeLink(out, text)
    if (keys[0] === '$bytes' && typeof text === 'string') return writeBytes(out, Buffer.from(text, 'base64'))
  }
  sortKeys(keys)
  writeHead(out, 5, keys.length)
  for (const key of keys) {
    writeText(out, key)
    writeValue(out, members[key])
  }
}

const notAscii = /[^\x20-\x7e]/

/** DAG-CBOR's order: shorter keys first, equal ones by their bytes. */
function sortKeys(keys: string[]): void {
  if (keys.some(key => notAscii.test(key))) {
    keys.sort((a, b) => compareBytes(Buffer.from(a), Buffer.from(b)))
    return
  }
  keys.sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
}

function compareBytes(a: Buffer, b: Buffer): number {
  return a.length - b.length || Buffer.compare(a, b)
}

function writeText(out: Out, text: string): void {
  reserve(out, headBytesMax + text.length * utf8PerUnit)
  // Nearly always ASCII: then the length is known before the bytes are.
  const guess = headLength(text.length)
  const written = out.buffer.write(text, out.at + guess)
  const head = headLength(written)
  if (head !== guess) out.buffer.copyWithin(out.at + head, out.at + guess, out.at + guess + written)
  writeHead(out, 3, written)
  out.at += written
}

function writeBytes(out: Out, bytes: Uint8Array): void {
  writeHead(out, 2, bytes.length)
  reserve(out, bytes.length)
  out.buffer.set(bytes, out.at)
  out.at += bytes.length
}

/** Tag 42, and a byte string that begins with zero. */
function writeLink(out: Out, text: string): void {
  const cid = cidFromString(text)
  writeHead(out, 6, 42)
  writeHead(out, 2, cidBytesLength + 1)
  writeByte(out, 0)
  reserve(out, cidBytesLength)
  out.buffer.set(cid, out.at)
  out.at += cidBytesLength
}

function writeByte(out: Out, byte: number): void {
  reserve(out, 1)
  out.buffer[out.at] = byte
  out.at += 1
}

function headLength(argument: number): number {
  if (argument < 24) return 1
  if (argument < 0x100) return 2
  if (argument < 0x10000) return 3
  return argument < 0x100000000 ? 5 : 9
}

function writeHead(out: Out, major: number, argument: number): void {
  reserve(out, headBytesMax)
  const { buffer, at } = out
  const type = major << 5
  const length = headLength(argument)
  out.at += length
  switch (length) {
    case 1:
      buffer[at] = type | argument
      return
    case 2:
      buffer[at] = type | 24
      buffer[at + 1] = argument
      return
    case 3:
      buffer[at] = type | 25
      buffer.writeUInt16BE(argument, at + 1)
      return
    case 5:
      buffer[at] = type | 26
      buffer.writeUInt32BE(argument, at + 1)
      return
    default:
      buffer[at] = type | 27
      buffer.writeBigUInt64BE(BigInt(argument), at + 1)
  }
}

/** Bytes from which on the buffer is not kept for the next record. */
const keptBytesMax = 1_048_576

function reserve(out: Out, bytes: number): void {
  const needed = out.at + bytes
  if (needed <= out.buffer.length) return
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, out.buffer.length * 2))
  out.buffer.copy(larger, 0, 0, out.at)
  out.buffer = larger
  if (larger.length <= keptBytesMax) shared = larger
}
