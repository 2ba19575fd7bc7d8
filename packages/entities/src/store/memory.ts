/** Rows in memory: for tests, and for what need not outlive a page. */
import { compareBytes } from '../willow/path.ts'
import type { Backing, EntryRow, NodeRow, WriteRows } from './backing.ts'
import { nameOf } from './keys.ts'

/** Sorted by key; keys are found by halving. */
interface Sorted<Row extends { readonly key: Uint8Array }> {
  get(key: Uint8Array): Row | undefined
  put(row: Row): void
  delete(key: Uint8Array): void
  /** Index of the first row with key >= `key`. */
  from(key: Uint8Array): number
  at(index: number): Row | undefined
  readonly size: number
}

function createSorted<Row extends { readonly key: Uint8Array }>(): Sorted<Row> {
  const rows: Row[] = []
  const from = (key: Uint8Array): number => {
    let low = 0
    let high = rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareBytes((rows[middle] as Row).key, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
  const isAt = (index: number, key: Uint8Array) =>
    index < rows.length && compareBytes((rows[index] as Row).key, key) === 0
  return {
    get: key => {
      const index = from(key)
      return isAt(index, key) ? rows[index] : undefined
    },
    put: row => {
      const index = from(row.key)
      rows.splice(index, isAt(index, row.key) ? 1 : 0, row)
    },
    delete: key => {
      const index = from(key)
      if (isAt(index, key)) rows.splice(index, 1)
    },
    from,
    at: index => rows[index],
    get size() {
      return rows.length
    },
  }
}

/** A place in memory. Writes run one after another, and each runs to its end: nothing can fail in between. */
export function memoryBacking(): Backing {
  const rows = createRows()
  let last: Promise<unknown> = Promise.resolve()
  const queued = <T>(fn: (of: WriteRows) => Promise<T>): Promise<T> => {
    const run = last.then(() => rows.undoable(fn))
    last = run.catch(() => undefined)
    return run
  }
  return {
    read: queued,
    write: queued,
    listen: () => () => undefined,
    close: () => Promise.resolve(),
  }
}

function createRows() {
  const entries = createSorted<EntryRow>()
  const nodes = new Map<number, Sorted<NodeRow>>()
  const payloads = new Map<string, Uint8Array>()
  const named = new Map<string, Set<string>>()
  const keys = new Map<string, Uint8Array>()
  const meta = new Map<string, string>()
  let undo: (() => void)[] = []

  const level = (number: number): Sorted<NodeRow> => {
    let rows = nodes.get(number)
    if (rows === undefined) {
      rows = createSorted<NodeRow>()
      nodes.set(number, rows)
    }
    return rows
  }
  const set = <Value>(map: Map<string, Value>, name: string, value: Value | undefined) => {
    const before = map.get(name)
    undo.push(() => void (before === undefined ? map.delete(name) : map.set(name, before)))
    if (value === undefined) map.delete(name)
    else map.set(name, value)
  }
  const change = <Row extends { readonly key: Uint8Array }>(
    rows: Sorted<Row>,
    key: Uint8Array,
    row: Row | undefined,
  ) => {
    const before = rows.get(key)
    undo.push(() => (before === undefined ? rows.delete(key) : rows.put(before)))
    if (row === undefined) rows.delete(key)
    else rows.put(row)
  }
  const name = (digest: Uint8Array, key: Uint8Array, there: boolean) => {
    const of = nameOf(digest)
    const set = named.get(of) ?? new Set()
    const own = nameOf(key)
    if (there) set.add(own)
    else set.delete(own)
    keys.set(own, key)
    if (set.size === 0) named.delete(of)
    else named.set(of, set)
  }
  const putEntry = (row: EntryRow) => {
    const before = entries.get(row.key)
    if (before !== undefined) deleteEntry(before.key)
    change(entries, row.key, row)
    name(row.digest, row.key, true)
    undo.push(() => name(row.digest, row.key, false))
  }
  const deleteEntry = (key: Uint8Array) => {
    const row = entries.get(key)
    if (row === undefined) return
    change(entries, key, undefined)
    name(row.digest, key, false)
    undo.push(() => name(row.digest, key, true))
  }
  const range = <Row extends { readonly key: Uint8Array }>(
    rows: Sorted<Row>,
    start: Uint8Array,
    end: Uint8Array,
    limit = Number.POSITIVE_INFINITY,
  ): Row[] => {
    const found: Row[] = []
    for (let index = rows.from(start); found.length < limit; index++) {
      const row = rows.at(index)
      if (row === undefined || compareBytes(row.key, end) >= 0) break
      found.push(row)
    }
    return found
  }

  const tx: WriteRows = {
    entries: async wanted => wanted.map(key => entries.get(key)),
    entryRange: async (start, end, limit) => range(entries, start, end, limit),
    hashRange: async (start, end, limit) => range(entries, start, end, limit),
    arrivals: async (start, end, after, limit) =>
      range(entries, start, end)
        .filter(({ arrival }) => arrival > after)
        .sort((a, b) => a.arrival - b.arrival)
        .slice(0, limit),
    nodeBefore: async (number, key) => {
      const rows = level(number)
      const index = rows.from(key)
      const own = rows.at(index)
      return own !== undefined && compareBytes(own.key, key) === 0 ? own : rows.at(index - 1)
    },
    nodeAfter: async (number, key) => {
      const rows = level(number)
      const index = rows.from(key)
      const own = rows.at(index)
      return own !== undefined && compareBytes(own.key, key) === 0 ? rows.at(index + 1) : own
    },
    nodeRange: async (number, start, end) => range(level(number), start, end),
    byDigest: async (digest, limit) =>
      [...(named.get(nameOf(digest)) ?? [])].slice(0, limit).flatMap(own => {
        const key = keys.get(own)
        const row = key === undefined ? undefined : entries.get(key)
        return row === undefined ? [] : [row]
      }),
    payload: async digest => payloads.get(nameOf(digest)),
    hasPayloads: async digests => digests.map(digest => payloads.has(nameOf(digest))),
    payloadLength: async digest => {
      const [own] = named.get(nameOf(digest)) ?? []
      const key = own === undefined ? undefined : keys.get(own)
      return key === undefined ? undefined : entries.get(key)?.bytes
    },
    meta: async key => meta.get(key),
    putEntries: async rows => rows.forEach(putEntry),
    deleteEntries: async wanted => wanted.forEach(deleteEntry),
    putNodes: async rows => rows.forEach(row => change(level(row.level), row.key, row)),
    deleteNodes: async rows => rows.forEach(row => change(level(row.level), row.key, undefined)),
    putPayload: async (digest, bytes) => {
      set(payloads, nameOf(digest), bytes)
      for (const own of named.get(nameOf(digest)) ?? []) {
        const key = keys.get(own)
        const row = key === undefined ? undefined : entries.get(key)
        if (row !== undefined) change(entries, row.key, { ...row, hasPayload: true })
      }
    },
    dropPayloads: async digests => {
      for (const digest of digests) if (!named.has(nameOf(digest))) set(payloads, nameOf(digest), undefined)
    },
    setMeta: async (key, value) => set(meta, key, value),
  }
  return {
    undoable: async <T>(fn: (of: WriteRows) => Promise<T>): Promise<T> => {
      undo = []
      try {
        return await fn(tx)
      } catch (error) {
        for (const step of undo.toReversed()) step()
        throw error
      }
    },
  }
}
