/** Areas: a subspace or all, a path prefix, a range of time. https://willowprotocol.org/specs/grouping-entries */
import { tagOf } from '@leaf/codec/compact-u64'
import { MalformedError } from '@leaf/codec/errors'
import { type Entry, idBytes } from './entry.ts'
import { equalBytes, isPrefix, type Path, readPathExtends, writePathExtends } from './path.ts'
import { createWriter, type WillowReader, type WillowWriter } from './wire.ts'

export interface TimeRange {
  /** Inclusive. */
  readonly start: bigint
  /** Exclusive, and greater than `start`; undefined: open. */
  readonly end: bigint | undefined
}

export interface Area {
  /** Undefined: every subspace. */
  readonly subspace: Uint8Array | undefined
  readonly path: Path
  readonly times: TimeRange
}

export const allTimes: TimeRange = { start: 0n, end: undefined }
export const fullArea: Area = { subspace: undefined, path: [], times: allTimes }

/** All of one subspace. */
export function subspaceArea(subspace: Uint8Array): Area {
  return { subspace, path: [], times: allTimes }
}

/** Whether an area has an entry. */
export function areaIncludes(area: Area, entry: Pick<Entry, 'subspace' | 'path' | 'timestamp'>): boolean {
  return (
    (area.subspace === undefined || equalBytes(area.subspace, entry.subspace)) &&
    entry.timestamp >= area.times.start &&
    (area.times.end === undefined || entry.timestamp < area.times.end) &&
    isPrefix(area.path, entry.path)
  )
}

/** Whether every entry of `inner` is in `outer`. */
export function areaIncludesArea(outer: Area, inner: Area): boolean {
  return (
    (outer.subspace === undefined ||
      (inner.subspace !== undefined && equalBytes(outer.subspace, inner.subspace))) &&
    isPrefix(outer.path, inner.path) &&
    inner.times.start >= outer.times.start &&
    (outer.times.end === undefined || (inner.times.end !== undefined && inner.times.end <= outer.times.end))
  )
}

/** What two areas share; undefined when that is nothing. */
export function intersectAreas(a: Area, b: Area): Area | undefined {
  if (a.subspace !== undefined && b.subspace !== undefined && !equalBytes(a.subspace, b.subspace))
    return undefined
  const [shorter, longer] = a.path.length <= b.path.length ? [a.path, b.path] : [b.path, a.path]
  if (!isPrefix(shorter, longer)) return undefined
  const start = a.times.start > b.times.start ? a.times.start : b.times.start
  const ends = [a.times.end, b.times.end].filter(end => end !== undefined)
  const end = ends.length === 0 ? undefined : ends.reduce((least, one) => (one < least ? one : least))
  if (end !== undefined && end <= start) return undefined
  return { subspace: a.subspace ?? b.subspace, path: longer, times: { start, end } }
}

const subspaceDiffers = 0x80
const endIsOpen = 0x40
const startFromStart = 0x20
const endFromStart = 0x10

/** How an area's times are told by those of an area around it. */
export interface TimeDifferences {
  readonly startFromStart: boolean
  readonly start: bigint
  readonly endFromStart: boolean
  /** Undefined: open. */
  readonly end: bigint | undefined
}

/** The smaller difference is told; from the end when they are equal. */
export function timeDifferences(inner: TimeRange, outer: TimeRange): TimeDifferences {
  const fromStart = inner.start - outer.start
  const toEnd = outer.end === undefined ? undefined : outer.end - inner.start
  const startByStart = toEnd === undefined || fromStart < toEnd
  if (inner.end === undefined) {
    return { startFromStart: startByStart, start: fromStart, endFromStart: false, end: undefined }
  }
  const endFrom = inner.end - outer.start
  const endTo = outer.end === undefined ? undefined : outer.end - inner.end
  const endByStart = endTo === undefined || endFrom < endTo
  return {
    startFromStart: startByStart,
    start: startByStart ? fromStart : (toEnd ?? 0n),
    endFromStart: endByStart,
    end: endByStart ? endFrom : (endTo ?? 0n),
  }
}

/** `encode_area_in_area`: an area relative to one that includes it; what capabilities sign. */
export function encodeAreaInArea(inner: Area, outer: Area): Uint8Array {
  const writer = createWriter(64)
  writeAreaInArea(writer, inner, outer)
  return writer.finish()
}

/** The same inside something else. Throws RangeError when `outer` does not include `inner`. */
export function writeAreaInArea(writer: WillowWriter, inner: Area, outer: Area): void {
  if (!areaIncludesArea(outer, inner)) throw new RangeError('expected an area within the one around it')
  const differs = inner.subspace !== undefined && outer.subspace === undefined
  const times = timeDifferences(inner.times, outer.times)
  writer.u8(
    (differs ? subspaceDiffers : 0) |
      (times.end === undefined ? endIsOpen : 0) |
      (times.startFromStart ? startFromStart : 0) |
      (times.endFromStart ? endFromStart : 0) |
      ((tagOf(times.start, 2) & 3) << 2) |
      (times.end === undefined ? 0 : tagOf(times.end, 2) & 3),
  )
  if (differs && inner.subspace !== undefined) writer.raw(inner.subspace)
  writer.compact(times.start, 2)
  if (times.end !== undefined) writer.compact(times.end, 2)
  writePathExtends(writer, inner.path, outer.path)
}

/** Reads `EncodeAreaInArea`; refuses all but the canonical encoding. Throws MalformedError. */
export function readAreaInArea(reader: WillowReader, outer: Area): Area {
  const begin = reader.at
  const header = reader.u8()
  const differs = (header & subspaceDiffers) !== 0
  const subspace = differs ? reader.raw(idBytes).slice() : outer.subspace
  const start = readTime(reader, (header >> 2) & 3, (header & startFromStart) !== 0, outer.times)
  const open = (header & endIsOpen) !== 0
  const end = open ? undefined : readTime(reader, header & 3, (header & endFromStart) !== 0, outer.times)
  const path = readPathExtends(reader, outer.path)
  const area: Area = { subspace, path, times: { start, end } }
  const valid = end === undefined || end > start
  if (!valid || !areaIncludesArea(outer, area))
    throw new MalformedError('expected an area within the one around it', begin)
  const canonical = encodeAreaInArea(area, outer)
  if (!equalBytes(canonical, reader.bytes.subarray(begin, reader.at)))
    throw new MalformedError('expected the canonical encoding of an area', begin)
  return area
}

/** A time that was told by its difference to one end of the range around it. Throws MalformedError. */
export function readTime(reader: WillowReader, tag: number, fromStart: boolean, outer: TimeRange): bigint {
  const begin = reader.at
  const difference = reader.compact(tag, 2)
  if (fromStart) {
    const time = outer.start + difference
    if (time >= 2n ** 64n) throw new MalformedError('expected a time of 64 bits', begin)
    return time
  }
  if (outer.end === undefined)
    throw new MalformedError('expected a time told from the start, as the end is open', begin)
  if (difference > outer.end) throw new MalformedError('expected a time that is not negative', begin)
  return outer.end - difference
}
