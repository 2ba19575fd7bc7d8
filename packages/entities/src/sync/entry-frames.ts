/** Frames with entries: each told by its differences to the one before, with its token, and its payload if that is small. */
import { MalformedError } from '@leaf/codec/errors'
import { type Capability, decodeCapability, encodeCapability } from '../meadowcap/capability.ts'
import type { AuthorisedEntry } from '../meadowcap/verify.ts'
import { type Entry, idBytes, readEntryRelative, writeEntryRelative } from '../willow/entry.ts'
import { equalBytes } from '../willow/path.ts'
import { createWriter, type WillowReader } from '../willow/wire.ts'
import { frameTypes, syncLimits } from './contract.ts'
import { readCount } from './frames.ts'

/** An entry under way; the payload is undefined when it does not travel with it. */
export interface TravellingEntry {
  readonly authorised: AuthorisedEntry
  readonly payload: Uint8Array | undefined
}

const none = new Uint8Array(idBytes)
/** What the first entry of a frame is told by: no frame depends on another. */
const nowhere: Entry = {
  namespace: none,
  subspace: none,
  path: [],
  timestamp: 0n,
  payloadLength: 0n,
  digest: none,
}
const signatureBytes = 64
const withPayload = 1
const sameCapability = 2
const capabilityBytesMax = 16_384
/** Where a frame of entries ends, so that one more still fits below the limit of frames. */
const frameBytesWished = 128 * 1024

export interface EntryFrame {
  /** Whether there is room for one more. */
  add(entry: TravellingEntry): boolean
  readonly count: number
  finish(): Uint8Array
}

/** Begins a frame; always takes one entry. */
export function createEntryFrame(): EntryFrame {
  const writer = createWriter(4096)
  writer.u8(frameTypes.entries)
  let before = nowhere
  let capabilityBefore: Uint8Array | undefined
  let size = 1
  let count = 0
  return {
    get count() {
      return count
    },
    add: ({ authorised, payload }) => {
      if (count > 0 && size >= frameBytesWished) return false
      const { entry, token } = authorised
      const capability = encodeCapability(token.capability)
      const same = capabilityBefore !== undefined && equalBytes(capability, capabilityBefore)
      const item = createWriter(512)
      item.u8((payload === undefined ? 0 : withPayload) | (same ? sameCapability : 0))
      writeEntryRelative(item, entry, before)
      if (!same) {
        item.c64(BigInt(capability.length))
        item.raw(capability)
      }
      item.raw(token.signature)
      if (payload !== undefined) item.raw(payload)
      const bytes = item.finish()
      writer.raw(bytes)
      size += bytes.length
      count += 1
      before = entry
      capabilityBefore = capability
      return true
    },
    finish: () => writer.finish(),
  }
}

/** Reads all entries of a frame. Throws MalformedError. */
export function readEntryFrame(reader: WillowReader): readonly TravellingEntry[] {
  const entries: TravellingEntry[] = []
  let before = nowhere
  let capability: Capability | undefined
  while (reader.at < reader.bytes.length) {
    const begin = reader.at
    const flags = reader.u8()
    const entry = readEntryRelative(reader, before)
    if ((flags & sameCapability) === 0)
      capability = decodeCapability(reader.raw(readCount(reader, capabilityBytesMax)))
    const signature = reader.raw(signatureBytes).slice()
    const inline = (flags & withPayload) !== 0
    const length = entry.payloadLength > BigInt(syncLimits.inlineBytesMax) ? -1 : Number(entry.payloadLength)
    if (capability === undefined)
      throw new MalformedError('expected a capability with the first entry', begin)
    if (inline && length < 0) throw new MalformedError('expected a payload that is small', begin)
    entries.push({
      authorised: { entry, token: { capability, signature } },
      payload: inline ? reader.raw(length).slice() : undefined,
    })
    before = entry
  }
  return entries
}
