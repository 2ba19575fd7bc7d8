/** Frames of range reconciliation: items that stand for ranges of one area, in ascending order. */
import { MalformedError } from '@leaf/codec/errors'
import { compareBytes, equalBytes } from '../willow/path.ts'
import { createWriter, type WillowReader } from '../willow/wire.ts'
import { frameTypes, syncLimits } from './contract.ts'
import { readCount, readFlag } from './frames.ts'

/** From one key (subspace and path key) to another; undefined end: to the end of the area. */
export interface Bounds {
  readonly start: Uint8Array
  readonly end: Uint8Array | undefined
}

export type RangeItem =
  /** My entries of this range have this sum and number. */
  | (Bounds & { readonly kind: 'sum'; readonly fingerprint: Uint8Array; readonly count: number })
  /** My entries of this range have these hashes (their first 16 bytes), all of them. */
  | (Bounds & { readonly kind: 'list'; readonly hashes: readonly Uint8Array[] })
  /** Of your list I lack these. */
  | (Bounds & { readonly kind: 'want'; readonly hashes: readonly Uint8Array[] })
  /** There was no room for this range: ask again. */
  | (Bounds & { readonly kind: 'again' })

export const shortHashBytes = 16
const sumBytes = 32
const kinds = ['sum', 'list', 'want', 'again'] as const
const openEnd = 8
const startsAtEnd = 16
const keyBytesMax = 16_384
/** Where a frame ends, so that one more item still fits below the limit of frames. */
const frameBytesWished = 192 * 1024

export interface RangeFrame {
  /** Whether there is room for one more. */
  add(item: RangeItem): boolean
  readonly count: number
  /** `last`: the round ends with this frame. */
  finish(last: boolean): Uint8Array
}

/** Begins a frame of an area. */
export function createRangeFrame(area: number): RangeFrame {
  const writer = createWriter(4096)
  let before: Uint8Array = new Uint8Array()
  let end: Uint8Array | undefined
  let size = 0
  let count = 0
  return {
    get count() {
      return count
    },
    add: item => {
      if (count > 0 && size >= frameBytesWished) return false
      const one = createWriter(128)
      const follows = end !== undefined && equalBytes(end, item.start)
      one.u8(kinds.indexOf(item.kind) | (item.end === undefined ? openEnd : 0) | (follows ? startsAtEnd : 0))
      if (!follows) before = writeKey(one, item.start, before)
      if (item.end !== undefined) before = writeKey(one, item.end, before)
      if (item.kind === 'sum') {
        one.raw(item.fingerprint)
        one.c64(BigInt(item.count))
      } else if (item.kind !== 'again') {
        one.c64(BigInt(item.hashes.length))
        for (const hash of item.hashes) one.raw(hash)
      }
      ;({ end } = item)
      const bytes = one.finish()
      writer.raw(bytes)
      size += bytes.length
      count += 1
      return true
    },
    finish: last => {
      const body = writer.finish()
      const frame = new Uint8Array(body.length + 3)
      frame.set([frameTypes.ranges, area, last ? 1 : 0])
      frame.set(body, 3)
      return frame
    },
  }
}

/** Bytes shared with the key before, then the rest. */
function writeKey(writer: ReturnType<typeof createWriter>, key: Uint8Array, before: Uint8Array): Uint8Array {
  let shared = 0
  while (shared < key.length && shared < before.length && key[shared] === before[shared]) shared += 1
  writer.c64(BigInt(shared))
  writer.c64(BigInt(key.length - shared))
  writer.raw(key.subarray(shared))
  return key
}

function readKey(reader: WillowReader, before: Uint8Array): Uint8Array {
  const shared = readCount(reader, before.length)
  const rest = reader.raw(readCount(reader, keyBytesMax))
  const key = new Uint8Array(shared + rest.length)
  key.set(before.subarray(0, shared))
  key.set(rest, shared)
  return key
}

export interface ReadRangeFrame {
  readonly area: number
  readonly last: boolean
  readonly items: readonly RangeItem[]
}

/** Reads a frame. Throws MalformedError. */
export function readRangeFrame(reader: WillowReader): ReadRangeFrame {
  const area = reader.u8()
  const last = readFlag(reader)
  const items: RangeItem[] = []
  let before: Uint8Array = new Uint8Array()
  let end: Uint8Array | undefined
  while (reader.at < reader.bytes.length) {
    const at = reader.at
    const header = reader.u8()
    const kind = kinds[header & 7]
    if (kind === undefined || header > 31)
      throw new MalformedError(`expected a kind of range, got ${header}`, at)
    if (items.length > 0 && end === undefined)
      throw new MalformedError('expected no range after one that is open', at)
    let start: Uint8Array
    if ((header & startsAtEnd) === 0) start = before = readKey(reader, before)
    else if (end === undefined)
      throw new MalformedError('expected a start, as the range before has no end', at)
    else start = end
    // Ascending and apart, so that a frame makes work for each entry once.
    if (end !== undefined && compareBytes(start, end) < 0)
      throw new MalformedError('expected ranges in ascending order', at)
    end = (header & openEnd) === 0 ? (before = readKey(reader, before)) : undefined
    if (end !== undefined && compareBytes(start, end) > 0)
      throw new MalformedError('expected a range that ends after its start', at)
    items.push(readItem(reader, kind, { start, end }))
  }
  return { area, last, items }
}

function readItem(reader: WillowReader, kind: RangeItem['kind'], bounds: Bounds): RangeItem {
  if (kind === 'again') return { kind, ...bounds }
  if (kind === 'sum') {
    const fingerprint = reader.raw(sumBytes).slice()
    return { kind, ...bounds, fingerprint, count: readCount(reader, Number.MAX_SAFE_INTEGER) }
  }
  const hashes: Uint8Array[] = []
  for (let left = readCount(reader, listMax); left > 0; left--)
    hashes.push(reader.raw(shortHashBytes).slice())
  return { kind, ...bounds, hashes }
}

/** Named here so that both sides agree on what is a small range. */
export const listMax: number = syncLimits.listEntriesMax
