/** Rows in IndexedDB: one database a store. */
import type { Backing, EntryRow, NodeRow, ReadRows, WriteRows } from '../store/backing.ts'
import { nameOf } from '../store/keys.ts'
import { StoreError } from '../store/store-error.ts'

const version = 1
const tables = ['entry', 'node', 'payload', 'meta'] as const

/** Opens (or makes) the database of this name; all tabs of a site share it. Throws StoreError. */
export async function idbBacking(name: string, factory: IDBFactory = indexedDB): Promise<Backing> {
  const database = await openDatabase(name, factory)
  const channel = new BroadcastChannel(`leaf-entities-${name}`)
  const listeners = new Set<() => void>()
  channel.addEventListener('message', () => {
    for (const listener of listeners) listener()
  })
  return {
    read: async fn => {
      const transaction = begin(database, 'readonly')
      return fn(readRows(transaction))
    },
    write: async fn => {
      const transaction = begin(database, 'readwrite')
      const finished = committed(transaction)
      // Heard below, or thrown there already.
      finished.catch(() => undefined)
      let value: Awaited<ReturnType<typeof fn>>
      try {
        value = await fn(writeRows(transaction))
      } catch (error) {
        abort(transaction)
        throw error
      }
      // One that had nothing to do any more is committed already.
      await finished
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has one origin only
      channel.postMessage('written')
      return value
    },
    listen: listener => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close: async () => {
      channel.close()
      database.close()
    },
  }
}

async function openDatabase(name: string, factory: IDBFactory): Promise<IDBDatabase> {
  const opening = factory.open(name, version)
  opening.addEventListener('upgradeneeded', () => {
    const entries = opening.result.createObjectStore('entry', { keyPath: 'key' })
    entries.createIndex('arrival', 'arrival', { unique: false })
    entries.createIndex('digest', 'digest', { unique: false })
    opening.result.createObjectStore('node', { keyPath: ['level', 'key'] })
    opening.result.createObjectStore('payload')
    opening.result.createObjectStore('meta')
  })
  const database = await settled(opening)
  // Another tab with a newer version of the page must not wait for this one.
  database.addEventListener('versionchange', () => database.close())
  return database
}

function begin(database: IDBDatabase, mode: 'readonly' | 'readwrite'): IDBTransaction {
  try {
    return database.transaction(tables, mode, { durability: 'strict' })
  } catch (cause) {
    throw new StoreError('unavailable', 'the database of this page is closed', cause)
  }
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.addEventListener('complete', () => resolve())
    transaction.addEventListener('abort', () => reject(failure(transaction.error)))
  })
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort()
  } catch {
    // It has ended already.
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(failure(request.error)))
  })
}

function failure(cause: unknown): StoreError {
  return new StoreError('unavailable', `the browser could not store this (${String(cause)})`, cause)
}

/** Steps a cursor as far as `take` wants. */
function walk<T>(
  request: IDBRequest<IDBCursorWithValue | null>,
  take: (value: unknown) => T | undefined,
  limit: number,
): Promise<T[]> {
  const found: T[] = []
  return new Promise((resolve, reject) => {
    request.addEventListener('error', () => reject(failure(request.error)))
    request.addEventListener('success', () => {
      const cursor = request.result
      if (cursor === null || limit <= 0) return resolve(found)
      const one = take(cursor.value)
      if (one !== undefined) found.push(one)
      if (found.length >= limit) return resolve(found)
      cursor.continue()
    })
  })
}

/** IndexedDB gives keys as ArrayBuffers where they are keys, and rows as they were put. */
function readRows(transaction: IDBTransaction): ReadRows {
  const [entries, nodes] = [transaction.objectStore('entry'), transaction.objectStore('node')]
  const [payloads, meta] = [transaction.objectStore('payload'), transaction.objectStore('meta')]
  // Rows are only ever written by the functions below, in these shapes.
  const entryOf = (key: Uint8Array): Promise<EntryRow | undefined> => settled(entries.get(own(key)))
  const entryRange = (start: Uint8Array, end: Uint8Array, limit: number): Promise<EntryRow[]> =>
    compare(start, end) >= 0
      ? Promise.resolve([])
      : settled(entries.getAll(IDBKeyRange.bound(own(start), own(end), false, true), limit))
  const one = async (range: IDBKeyRange, direction: 'next' | 'prev'): Promise<NodeRow | undefined> => {
    const [found] = await walk(nodes.openCursor(range, direction), value => value as NodeRow, 1)
    return found
  }
  return {
    entries: keys => Promise.all(keys.map(entryOf)),
    entryRange,
    hashRange: entryRange,
    arrivals: (start, end, after, limit) =>
      walk(
        entries.index('arrival').openCursor(IDBKeyRange.lowerBound(after, true)),
        value => {
          const row = value as EntryRow
          return compare(row.key, start) >= 0 && compare(row.key, end) < 0 ? row : undefined
        },
        limit,
      ),
    nodeBefore: (level, key) => one(IDBKeyRange.bound([level], [level, own(key)]), 'prev'),
    // Above every key of a level stands an array.
    nodeAfter: (level, key) => one(IDBKeyRange.bound([level, own(key)], [level, []], true), 'next'),
    nodeRange: async (level, start, end) =>
      compare(start, end) >= 0
        ? []
        : settled<NodeRow[]>(
            nodes.getAll(IDBKeyRange.bound([level, own(start)], [level, own(end)], false, true)),
          ),
    byDigest: (digest, limit) => settled<EntryRow[]>(entries.index('digest').getAll(own(digest), limit)),
    payload: digest => settled<Uint8Array | undefined>(payloads.get(own(digest))),
    hasPayloads: async digests => {
      const counts = await Promise.all(digests.map(digest => settled(payloads.count(own(digest)))))
      return counts.map(count => count > 0)
    },
    payloadLength: async digest => {
      const row = await settled<EntryRow | undefined>(entries.index('digest').get(own(digest)))
      return row?.bytes
    },
    meta: name => settled<string | undefined>(meta.get(name)),
  }
}

function writeRows(transaction: IDBTransaction): WriteRows {
  const [entries, nodes] = [transaction.objectStore('entry'), transaction.objectStore('node')]
  const [payloads, meta] = [transaction.objectStore('payload'), transaction.objectStore('meta')]
  const all = async <T>(requests: readonly IDBRequest<T>[]) => {
    // The last one has run when all have, and waiting for one costs less than for each.
    const last = requests.at(-1)
    if (last !== undefined) await settled(last)
  }
  const rows = readRows(transaction)
  return {
    ...rows,
    putEntries: items =>
      all(
        items.map(row =>
          entries.put({
            ...row,
            key: own(row.key),
            digest: own(row.digest),
            body: own(row.body),
            hash: own(row.hash),
          }),
        ),
      ),
    deleteEntries: keys => all(keys.map(key => entries.delete(own(key)))),
    putNodes: items =>
      all(
        items.map(({ level, key, sum, count, bytes }) =>
          nodes.put({ level, key: own(key), sum: own(sum), count, bytes }),
        ),
      ),
    deleteNodes: items => all(items.map(({ level, key }) => nodes.delete([level, own(key)]))),
    putPayload: async (digest, bytes) => {
      await settled(payloads.put(own(bytes), own(digest)))
      const named = await settled<EntryRow[]>(entries.index('digest').getAll(own(digest)))
      await all(named.flatMap(row => (row.hasPayload ? [] : [entries.put({ ...row, hasPayload: true })])))
    },
    dropPayloads: async digests => {
      const names = new Map(digests.map(digest => [nameOf(digest), digest]))
      for (const digest of names.values())
        if ((await rows.payloadLength(digest)) === undefined) await settled(payloads.delete(own(digest)))
    },
    setMeta: async (name, value) => void (await settled(meta.put(value, name))),
  }
}

/** A copy that is nothing but these bytes: what is stored is the whole buffer under a view, and keys must be exact. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.slice()
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return indexedDB.cmp(own(a), own(b))
}
