/**
 * Reads one MessagePack value as the packets of socket.io use it. Own code, because the package's reader allocates what
 * a length of strangers says (five bytes cost it 256 MB) and goes as deep as they want.
 * https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { LimitError, MalformedError } from '@leaf/codec/errors'

/** Maps come without a prototype. Bytes are views of the input. */
export type PacketValue =
  | undefined
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly PacketValue[]
  | { readonly [key: string]: PacketValue }

/** A packet has its map, its data, an event's name and argument, and `options`. */
const depthMax = 8
/** All values of a packet, keys included. */
const valuesMax = 256
const textBytesMax = 64 * 1024

interface Reader {
  readonly bytes: Buffer
  at: number
  values: number
}

/** The value that `bytes` are. Throws MalformedError for anything else, LimitError beyond the bounds. */
export function readPacketValue(bytes: Uint8Array): PacketValue {
  const reader: Reader = {
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    at: 0,
    values: 0,
  }
  const value = read(reader, 0)
  if (reader.at !== bytes.length)
    throw new MalformedError(
      `expected the end of the packet, got ${bytes.length - reader.at} bytes`,
      reader.at,
    )
  return value
}

function read(reader: Reader, depth: number): PacketValue {
  reader.values += 1
  if (reader.values > valuesMax)
    throw new LimitError('valuesMax', `expected at most ${valuesMax} values in a packet`, reader.at)
  if (depth > depthMax)
    throw new LimitError('depthMax', `expected at most ${depthMax} levels in a packet`, reader.at)
  const head = take(reader, 1).readUInt8()
  if (head < 0x80) return head
  if (head < 0x90) return readMap(reader, head & 0x0f, depth)
  if (head < 0xa0) return readArray(reader, head & 0x0f, depth)
  if (head < 0xc0) return readText(reader, head & 0x1f)
  if (head >= 0xe0) return head - 0x100
  return readWide(reader, head, depth)
}

function readWide(reader: Reader, head: number, depth: number): PacketValue {
  switch (head) {
    case 0xc0:
      return null
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return take(reader, readLength(reader, head - 0xc4))
    case 0xc7:
    case 0xc8:
    case 0xc9:
      return readExtension(reader, readLength(reader, head - 0xc7))
    case 0xd4:
      return readUndefined(reader)
    case 0xd9:
    case 0xda:
    case 0xdb:
      return readText(reader, readLength(reader, head - 0xd9))
    case 0xdc:
    case 0xdd:
      return readArray(reader, readLength(reader, head - 0xdb), depth)
    case 0xde:
    case 0xdf:
      return readMap(reader, readLength(reader, head - 0xdd), depth)
    default:
      return readNumber(reader, head)
  }
}

function readNumber(reader: Reader, head: number): number {
  switch (head) {
    case 0xca:
      return take(reader, 4).readFloatBE()
    case 0xcb:
      return take(reader, 8).readDoubleBE()
    case 0xcc:
      return take(reader, 1).readUInt8()
    case 0xcd:
      return take(reader, 2).readUInt16BE()
    case 0xce:
      return take(reader, 4).readUInt32BE()
    case 0xcf:
      return Number(take(reader, 8).readBigUInt64BE())
    case 0xd0:
      return take(reader, 1).readInt8()
    case 0xd1:
      return take(reader, 2).readInt16BE()
    case 0xd2:
      return take(reader, 4).readInt32BE()
    case 0xd3:
      return Number(take(reader, 8).readBigInt64BE())
    default:
      throw new MalformedError(`no packet has a value of kind 0x${head.toString(16)}`, reader.at - 1)
  }
}

function readArray(reader: Reader, length: number, depth: number): PacketValue {
  const array: PacketValue[] = []
  for (let index = 0; index < length; index += 1) array.push(read(reader, depth + 1))
  return array
}

function readMap(reader: Reader, length: number, depth: number): PacketValue {
  const map: Record<string, PacketValue> = Object.create(null)
  for (let index = 0; index < length; index += 1) {
    const at = reader.at
    const key = read(reader, depth + 1)
    if (typeof key !== 'string') throw new MalformedError('expected text as a key', at)
    map[key] = read(reader, depth + 1)
  }
  return map
}

function readText(reader: Reader, length: number): string {
  if (length > textBytesMax)
    throw new LimitError('textBytesMax', `expected at most ${textBytesMax} bytes of text`, reader.at)
  return take(reader, length).toString('utf8')
}

/** Extension 0 is what clients make of an ArrayBuffer. */
function readExtension(reader: Reader, length: number): Uint8Array {
  const kind = take(reader, 1).readInt8()
  if (kind !== 0) throw new MalformedError(`no packet has an extension of kind ${kind}`, reader.at - 1)
  return take(reader, length)
}

/** What clients make of `undefined`: a token that nobody set. */
function readUndefined(reader: Reader): undefined {
  const bytes = take(reader, 2)
  if (bytes[0] !== 0)
    throw new MalformedError(`no packet has an extension of kind ${bytes[0]}`, reader.at - 2)
  return undefined
}

/** A length in one, two or four bytes. */
function readLength(reader: Reader, width: number): number {
  if (width === 0) return take(reader, 1).readUInt8()
  return width === 1 ? take(reader, 2).readUInt16BE() : take(reader, 4).readUInt32BE()
}

function take(reader: Reader, length: number): Buffer {
  const end = reader.at + length
  if (end > reader.bytes.length)
    throw new MalformedError(
      `expected ${length} more bytes, got ${reader.bytes.length - reader.at}`,
      reader.at,
    )
  const part = reader.bytes.subarray(reader.at, end)
  reader.at = end
  return part
}
