/** Packets of socket.io, protocol 5: one MessagePack map each. https://socket.io/docs/v4/socket-io-protocol/ */
import { MalformedError } from '@leaf/codec/errors'
import { type PacketValue, readPacketValue } from './msgpack.ts'

export const packetTypes = { connect: 0, disconnect: 1, event: 2, ack: 3, connectError: 4 } as const

/** What a client calls: an event's first argument, and the id under which it waits for the answer. */
export interface Call {
  readonly argument: PacketValue
  /** Undefined: it does not wait. */
  readonly id: number | undefined
}

/**
 * A packet as socket.io takes it. The id of an event is handed on beside its argument, and not as a packet's id: we
 * write answers ourselves, to know when they are gone and to put in encoded parts as they are.
 */
export interface Packet {
  readonly type: number
  readonly nsp: string
  readonly data?: PacketValue | readonly [string, Call]
}

/** Names that socket.io uses for itself: as events of strangers they would pretend that a connection had ended. */
const reservedNames = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'error',
  'newListener',
  'removeListener',
])
const nameCharsMax = 128

/** Reads a packet of a client. Throws MalformedError for whatever no client sends. */
export function readPacket(bytes: Uint8Array): Packet {
  const map = readPacketValue(bytes)
  if (!isMap(map)) throw new MalformedError('expected a map as a packet', 0)
  const { type, nsp, data, id } = map
  if (nsp !== '/') throw new MalformedError('expected a packet of the namespace /', 0)
  switch (type) {
    case packetTypes.connect:
      return isMap(data) ? { type, nsp, data } : { type, nsp }
    case packetTypes.disconnect:
      return { type, nsp }
    case packetTypes.event:
      return { type, nsp, data: readCall(data, id) }
    default:
      // We never ask for an ack.
      throw new MalformedError('expected a packet to connect, to disconnect, or an event', 0)
  }
}

function readCall(data: PacketValue, id: PacketValue): readonly [string, Call] {
  if (!Array.isArray(data)) throw new MalformedError('expected an array as the data of an event', 0)
  const [name, argument] = data as readonly PacketValue[] // an array, by the line before
  if (typeof name !== 'string' || name.length > nameCharsMax || reservedNames.has(name))
    throw new MalformedError('expected the name of an event', 0)
  if (id === undefined || id === null) return [name, { argument, id: undefined }]
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0)
    throw new MalformedError('expected a whole number as the id of a packet', 0)
  return [name, { argument, id }]
}

function isMap(value: PacketValue): value is { readonly [key: string]: PacketValue } {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  )
}

const text = (value: string) => Buffer.from(value, 'latin1')
// {type: 3, nsp: "/", data: [<bytes>], id: …} and {type: 2, nsp: "/", data: [<name>, <bytes>]}
const ackHead = Buffer.concat([text('\x84\xa4type\x03\xa3nsp\xa1/\xa4data\x91')])
const idKey = text('\xa2id')
const eventHead = text('\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92')

/** The answer to the call with this id: one argument of bytes, given in parts. */
export function ackPacket(id: number, parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([ackHead, bytesHead(parts), ...parts, idKey, wholeNumber(id)])
}

/** An event of ours with one argument of bytes, given in parts. The name is ASCII, at most 31 characters. */
export function eventPacket(name: string, parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([eventHead, Buffer.of(0xa0 | name.length), text(name), bytesHead(parts), ...parts])
}

function bytesHead(parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  if (length < 0x100) return Buffer.of(0xc4, length)
  const head = Buffer.allocUnsafe(5)
  head.writeUInt8(0xc6, 0)
  head.writeUInt32BE(length, 1)
  return head
}

function wholeNumber(value: number): Buffer {
  if (value < 0x80) return Buffer.of(value)
  const bytes = Buffer.allocUnsafe(9)
  if (value < 0x1_0000_0000) {
    bytes.writeUInt8(0xce, 0)
    bytes.writeUInt32BE(value, 1)
    return bytes.subarray(0, 5)
  }
  bytes.writeUInt8(0xcf, 0)
  bytes.writeBigUInt64BE(BigInt(value), 1)
  return bytes
}
