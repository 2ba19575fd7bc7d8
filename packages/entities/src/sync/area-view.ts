/** An area as a range of keys: its sums, its parts, its entries. */
import type { EntryStore, KeyRange, Page, RangeSummary, StoredEntry } from '../store/contract.ts'
import { after, join } from '../store/keys.ts'
import { addSums, zeroSum } from '../store/sum.ts'
import { type Area, areaIncludes } from '../willow/area.ts'
import type { Entry } from '../willow/entry.ts'
import { compareBytes, equalBytes, keyAfterPrefix, pathKey } from '../willow/path.ts'
import { SyncError, syncLimits } from './contract.ts'
import type { Bounds } from './range-frames.ts'

export interface HashedKey {
  readonly key: Uint8Array
  readonly hash: Uint8Array
}

/** Ranges that reach beyond the area are cut to it; those outside are empty. */
export interface AreaView {
  readonly namespace: Uint8Array
  readonly area: Area
  /** One range that has the whole area, and nothing else unless the area is no range. */
  readonly bounds: Bounds
  includes(entry: Entry): boolean
  /** Of an entry of the area: subspace and path key. */
  keyOf(entry: Entry): Uint8Array
  summary(bounds: Bounds): Promise<RangeSummary>
  split(bounds: Bounds, parts: number): Promise<readonly (Bounds & RangeSummary)[]>
  /** All hashes of a range, page by page, ascending. */
  hashes(bounds: Bounds): AsyncGenerator<readonly HashedKey[]>
  /** Entries by their keys; those that are gone or not of the area are left out. */
  entriesAt(keys: readonly Uint8Array[]): Promise<readonly StoredEntry[]>
  /** Entries from a key on. */
  page(start: Uint8Array, limit: number): Promise<Page>
}

/** Hashes read at once. */
const pageHashes = 512

/** An area of one subspace, with all below a prefix, is one range; so is a namespace. Others are looked through. */
export function boundsOfArea(area: Area): Bounds {
  if (area.subspace === undefined) return { start: new Uint8Array(), end: undefined }
  const below = keyAfterPrefix(area.path)
  const start = join(area.subspace, pathKey(area.path))
  if (below !== undefined) return { start, end: join(area.subspace, below) }
  return { start, end: area.subspace.every(byte => byte === 0xff) ? undefined : after(area.subspace) }
}

function isRange({ subspace, path, times }: Area): boolean {
  return times.start === 0n && times.end === undefined && (subspace !== undefined || path.length === 0)
}

/** What both have of a range; an empty one begins where it ends. */
export function within(range: Bounds, bounds: Bounds): Bounds {
  const start = compareBytes(range.start, bounds.start) < 0 ? bounds.start : range.start
  const ends = [range.end, bounds.end].filter(one => one !== undefined)
  const end = ends.toSorted(compareBytes)[0]
  return end !== undefined && compareBytes(start, end) > 0 ? { start, end: start } : { start, end }
}

const nothing: RangeSummary = { fingerprint: zeroSum, count: 0 }

export function createAreaView(store: EntryStore, namespace: Uint8Array, area: Area): AreaView {
  const bounds = boundsOfArea(area)
  const cut = (part: Bounds): KeyRange | undefined => {
    const { start, end } = within(part, bounds)
    return end !== undefined && equalBytes(start, end) ? undefined : { namespace, start, end }
  }
  const includes = (entry: Entry) => equalBytes(namespace, entry.namespace) && areaIncludes(area, entry)
  const hashes = pagesOf(store, isRange(area) ? undefined : includes)
  const base = {
    namespace,
    area,
    bounds,
    includes,
    keyOf: ({ subspace, path }: Entry) => join(subspace, pathKey(path)),
    hashes: async function* (part: Bounds) {
      const range = cut(part)
      if (range !== undefined) yield* hashes(range)
    },
    entriesAt: async (keys: readonly Uint8Array[]) => {
      const found = await store.entriesAt(namespace, keys)
      return found.filter(one => one !== undefined).filter(({ entry }) => includes(entry))
    },
    page: async (start: Uint8Array, limit: number): Promise<Page> => {
      const range = cut({ start, end: undefined })
      return range === undefined ? { entries: [], next: undefined } : store.page({ range, area, limit })
    },
  }
  if (!isRange(area)) return { ...base, ...lookedThrough(base.hashes) }
  return {
    ...base,
    summary: async part => {
      const range = cut(part)
      return range === undefined ? nothing : store.summary(range)
    },
    split: async (part, parts) => {
      const range = cut(part)
      const pieces = range === undefined ? [] : await store.split(range, parts)
      return pieces.length === 0 ? [{ ...part, ...nothing }] : pieces
    },
  }
}

/** Pages of hashes; of the entries that are included, if that needs to be looked at. */
function pagesOf(store: EntryStore, includes: ((entry: Entry) => boolean) | undefined) {
  return async function* (range: KeyRange): AsyncGenerator<readonly HashedKey[]> {
    let scanned = 0
    for (let start: Uint8Array | undefined = range.start; start !== undefined; ) {
      const from: KeyRange = { ...range, start }
      const { items, next } = await store.hashes(from, pageHashes)
      start = next
      if (includes === undefined) {
        yield items
        continue
      }
      scanned += items.length
      if (scanned > syncLimits.scannedEntriesMax)
        throw new SyncError(
          'too-large',
          `expected an area with at most ${syncLimits.scannedEntriesMax} entries to look through`,
        )
      const entries = await store.entriesAt(
        range.namespace,
        items.map(({ key }) => key),
      )
      yield items.filter((_, index) => {
        const entry = entries[index]?.entry
        return entry !== undefined && includes(entry)
      })
    }
  }
}

/** Sums and parts that no tree has. */
function lookedThrough(hashes: AreaView['hashes']): Pick<AreaView, 'summary' | 'split'> {
  const all = async (part: Bounds) => {
    const found: HashedKey[] = []
    for await (const page of hashes(part)) found.push(...page)
    return found
  }
  const sumOf = (items: readonly HashedKey[]): RangeSummary => ({
    fingerprint: items.reduce((sum, { hash }) => addSums(sum, hash), zeroSum),
    count: items.length,
  })
  return {
    summary: async part => sumOf(await all(part)),
    split: async (part, parts) => {
      const items = await all(part)
      const size = Math.max(1, Math.ceil(items.length / parts))
      const pieces: (Bounds & RangeSummary)[] = []
      for (let at = 0; at < items.length; at += size) {
        const start = at === 0 ? part.start : (items[at]?.key ?? part.start)
        pieces.push({ start, end: items[at + size]?.key ?? part.end, ...sumOf(items.slice(at, at + size)) })
      }
      return pieces.length === 0 ? [{ ...part, ...nothing }] : pieces
    },
  }
}
