/** An area as a range of keys: its sums, its parts, its entries. */
import { type Area, areaIncludes } from '../willow/area.ts'
import { compareBytes, keyAfterPrefix, pathKey } from '../willow/path.ts'
import type { EntryStore, KeyRange, RangeSummary, StoredEntry } from '../store/contract.ts'
import { after, join } from '../store/keys.ts'
import { addSums, zeroSum } from '../store/sum.ts'
import { SyncError, syncLimits } from './contract.ts'
import type { Bounds } from './range-frames.ts'

export interface HashedKey {
  readonly key: Uint8Array
  readonly hash: Uint8Array
}

export interface AreaView {
  readonly namespace: Uint8Array
  readonly area: Area
  /** The whole area as one range. */
  readonly bounds: Bounds
  includes(entry: StoredEntry['entry']): boolean
  summary(bounds: Bounds): Promise<RangeSummary>
  split(bounds: Bounds, parts: number): Promise<readonly (Bounds & RangeSummary)[]>
  /** All hashes of a range that is known to be small; at most `limit`. */
  hashes(bounds: Bounds, limit: number): Promise<readonly HashedKey[]>
  entriesAt(keys: readonly Uint8Array[]): Promise<readonly StoredEntry[]>
}

/** The keys of an area: one range, as an area has one subspace with a prefix, or all of a namespace. Throws SyncError for others. */
export function boundsOfArea(area: Area): Bounds {
  if (area.subspace === undefined) {
    if (area.path.length > 0)
      throw new SyncError('not-authorised', 'expected an area of one subspace, or of all with every path')
    return { start: new Uint8Array(), end: undefined }
  }
  const below = keyAfterPrefix(area.path)
  const start = join(area.subspace, pathKey(area.path))
  if (below !== undefined) return { start, end: join(area.subspace, below) }
  return { start, end: area.subspace.every(byte => byte === 0xff) ? undefined : after(area.subspace) }
}

/** What both have of a range. */
export function within(range: Bounds, bounds: Bounds): Bounds {
  const start = compareBytes(range.start, bounds.start) < 0 ? bounds.start : range.start
  if (bounds.end === undefined) return { start, end: range.end }
  const end = range.end === undefined || compareBytes(range.end, bounds.end) > 0 ? bounds.end : range.end
  return { start, end }
}

export function createAreaView(store: EntryStore, namespace: Uint8Array, area: Area): AreaView {
  const bounds = boundsOfArea(area)
  const rangeOf = (part: Bounds): KeyRange => ({ namespace, ...within(part, bounds) })
  const allTimes = area.times.start === 0n && area.times.end === undefined
  const includes = (entry: StoredEntry['entry']) => areaIncludes(area, entry)
  const base = {
    namespace,
    area,
    bounds,
    includes,
    entriesAt: async (keys: readonly Uint8Array[]) => {
      const found = await store.entriesAt(namespace, keys)
      return found.filter(one => one !== undefined).filter(({ entry }) => includes(entry))
    },
  }
  if (!allTimes) return { ...base, ...timedView(store, area, rangeOf) }
  return {
    ...base,
    summary: part => store.summary(rangeOf(part)),
    split: (part, parts) => store.split(rangeOf(part), parts),
    hashes: async (part, limit) => (await store.hashes(rangeOf(part), limit)).items,
  }
}

/** An area of some times only is no whole range: its entries are looked through. */
function timedView(store: EntryStore, area: Area, rangeOf: (part: Bounds) => KeyRange) {
  const scan = async (part: Bounds): Promise<readonly HashedKey[]> => {
    const range = rangeOf(part)
    const found: HashedKey[] = []
    let scanned = 0
    for (let start: Uint8Array | undefined = range.start; start !== undefined; ) {
      const from: KeyRange = { ...range, start }
      const page = await store.hashes(from, 512)
      scanned += page.items.length
      if (scanned > syncLimits.scannedEntriesMax)
        throw new SyncError(
          'too-large',
          'there are too many entries to look through for an area of some times',
        )
      const entries = await store.entriesAt(
        range.namespace,
        page.items.map(({ key }) => key),
      )
      page.items.forEach((item, index) => {
        const entry = entries[index]?.entry
        if (entry !== undefined && areaIncludes(area, entry)) found.push(item)
      })
      start = page.next
    }
    return found
  }
  const sumOf = (items: readonly HashedKey[]): RangeSummary => ({
    fingerprint: items.reduce((sum, { hash }) => addSums(sum, hash), zeroSum),
    count: items.length,
  })
  return {
    summary: async (part: Bounds) => sumOf(await scan(part)),
    split: async (part: Bounds, parts: number) => {
      const items = await scan(part)
      const size = Math.max(1, Math.ceil(items.length / parts))
      const pieces: (Bounds & RangeSummary)[] = []
      for (let at = 0; at < items.length; at += size) {
        const next = items[at + size]
        const start = at === 0 ? part.start : (items[at] as HashedKey).key
        pieces.push({ start, end: next?.key ?? part.end, ...sumOf(items.slice(at, at + size)) })
      }
      return pieces.length === 0 ? [{ ...part, ...sumOf([]) }] : pieces
    },
    hashes: async (part: Bounds, limit: number) => (await scan(part)).slice(0, limit),
  }
}
