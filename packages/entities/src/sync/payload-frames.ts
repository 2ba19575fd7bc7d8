/** Frames that ask for payloads and bring them, piece by piece. */
import { MalformedError } from '@leaf/codec/errors'
import { idBytes } from '../willow/entry.ts'
import type { WillowReader } from '../willow/wire.ts'
import { syncLimits } from './contract.ts'
import { beginFrame, readCount, readFlag } from './frames.ts'

/** A payload, named by an entry that the asking side has: so only those who may read an entry get its payload. */
export interface Wanted {
  readonly area: number
  /** Of the entry: subspace and path key. */
  readonly key: Uint8Array
  readonly digest: Uint8Array
}

export interface WantFrame {
  /** Whether there is room for one more. */
  add(wanted: Wanted): boolean
  readonly count: number
  /** `more`: another frame follows when these have come. */
  finish(more: boolean): Uint8Array
}

const keyBytesMax = 16_384
/** Where a frame ends, so that one more still fits below the limit of frames. */
const frameBytesWished = 128 * 1024

/** Begins a frame; always takes one. */
export function createWantFrame(): WantFrame {
  const wants: Wanted[] = []
  let size = 0
  return {
    get count() {
      return wants.length
    },
    add: wanted => {
      if (wants.length === syncLimits.wantsMax || size >= frameBytesWished) return false
      wants.push(wanted)
      size += wanted.key.length + idBytes + 4
      return true
    },
    finish: more => {
      const writer = beginFrame('want')
      writer.u8(more ? 1 : 0)
      writer.c64(BigInt(wants.length))
      for (const { area, key, digest } of wants) {
        writer.u8(area)
        writer.c64(BigInt(key.length))
        writer.raw(key)
        writer.raw(digest)
      }
      return writer.finish()
    },
  }
}

export interface ReadWants {
  readonly more: boolean
  readonly wants: readonly Wanted[]
}

/** Throws MalformedError. */
export function readWants(reader: WillowReader): ReadWants {
  const more = readFlag(reader)
  const wants: Wanted[] = []
  for (let left = readCount(reader, syncLimits.wantsMax); left > 0; left--) {
    const area = reader.u8()
    const key = reader.raw(readCount(reader, keyBytesMax)).slice()
    wants.push({ area, key, digest: reader.raw(idBytes).slice() })
  }
  reader.end()
  return { more, wants }
}

/** A piece of a payload; `total` undefined: it is not to be had here. */
export interface PayloadChunk {
  readonly digest: Uint8Array
  readonly total: number | undefined
  readonly offset: number
  /** Not empty, unless the payload is not to be had. */
  readonly bytes: Uint8Array
}

const none = new Uint8Array()

export function encodeChunk({ digest, total, offset, bytes }: PayloadChunk): Uint8Array {
  const writer = beginFrame('payload')
  writer.raw(digest)
  writer.u8(total === undefined ? 0 : 1)
  if (total !== undefined) {
    writer.c64(BigInt(total))
    writer.c64(BigInt(offset))
    writer.raw(bytes)
  }
  return writer.finish()
}

/** `bytes` is a view of the frame. Throws MalformedError. */
export function readChunk(reader: WillowReader): PayloadChunk {
  const digest = reader.raw(idBytes).slice()
  if (!readFlag(reader)) {
    reader.end()
    return { digest, total: undefined, offset: 0, bytes: none }
  }
  const total = readCount(reader, syncLimits.payloadBytesMax)
  const offset = readCount(reader, total)
  const at = reader.at
  const bytes = reader.raw(reader.bytes.length - at)
  if (bytes.length === 0 || offset + bytes.length > total)
    throw new MalformedError(`expected a piece within ${total} bytes, got ${bytes.length} at ${offset}`, at)
  return { digest, total, offset, bytes }
}
