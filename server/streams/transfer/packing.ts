/** Bytes of the objects of a backup: zstd, and what is in it. */
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { decodeDrisl, type DrislMap, encodeDrisl } from '@leaf/codec/drisl'
import { MalformedError } from '@leaf/codec/errors'
import { asArray, asBytes, asInteger, asMap, asText } from '@leaf/streams/fields'
import { Refusal } from '../../kernel/errors.ts'
import type { LogEvent, StateEvent } from '../host/contract.ts'

/** Bytes that an object may have when it is unpacked: more than any that Leaf makes, and those of others in one piece. */
const unpackedBytesMax = 1024 * 1024 * 1024

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** With a checksum, so that what was damaged is noticed. */
export async function pack(bytes: Uint8Array): Promise<Uint8Array> {
  return plain(await compress(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }))
}

/** `name` is told when it cannot be unpacked. Throws Refusal `invalid`. */
export async function unpack(name: string, packed: Uint8Array): Promise<Uint8Array> {
  try {
    return plain(await decompress(packed, { maxOutputLength: unpackedBytesMax }))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown'
    throw new Refusal('invalid', `${name} is damaged: it cannot be unpacked (${reason})`, { cause })
  }
}

/** The views of a Buffer are Buffers, another class with other habits. */
const plain = (buffer: Uint8Array) => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)

/** Runs a decoder of an object's bytes; tells which object is wrong. Throws Refusal `invalid`. */
export function decoded<T>(name: string, decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause
    throw new Refusal('invalid', `${name} is damaged: ${cause.message}`, { cause })
  }
}

export function encodeEvents(events: readonly LogEvent[]): Uint8Array {
  return encodeDrisl({
    events: events.map(({ idx, user, payload, signature }) => ({ idx, user, payload, signature })),
  })
}

export function decodeEvents(bytes: Uint8Array): readonly LogEvent[] {
  return itemsOf(bytes).map(map => ({
    idx: asInteger(map['idx'], 'idx'),
    user: asText(map['user'], 'user'),
    payload: asBytes(map['payload'], 'payload'),
    signature: asBytes(map['signature'], 'signature'),
  }))
}

export function encodeStateEvents(events: readonly StateEvent[]): Uint8Array {
  return encodeDrisl({
    events: events.map(({ seq, afterIdx, kind, user, payload }) => ({
      seq,
      after_idx: afterIdx,
      kind,
      user,
      payload,
    })),
  })
}

export function decodeStateEvents(bytes: Uint8Array): readonly StateEvent[] {
  return itemsOf(bytes).map(map => ({
    seq: asInteger(map['seq'], 'seq'),
    afterIdx: asInteger(map['after_idx'], 'after_idx'),
    kind: map['kind'] === 'clear' ? 'clear' : 'event',
    user: asText(map['user'], 'user'),
    payload: asBytes(map['payload'], 'payload'),
  }))
}

function itemsOf(bytes: Uint8Array): readonly DrislMap[] {
  const { events } = asMap(decodeDrisl(bytes), 'object')
  return asArray(events, 'events').map(item => asMap(item, 'event'))
}
