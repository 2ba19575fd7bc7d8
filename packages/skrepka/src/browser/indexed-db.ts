/** The store of browsers: one IndexedDB database, one table, items under [collection, key]. */
import { SkrepkaError } from '../errors.ts'
import type { Store, StoreItem } from '../store.ts'

const version = 1
const table = 'items'

/** Opens (or makes) the database of that name. Rejects with SkrepkaError 'storage'. */
export async function openIndexedDbStore(name: string, factory: IDBFactory = indexedDB): Promise<Store> {
  const opening = factory.open(name, version)
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore(table)
  }
  const database = await settled(opening)
  // Another tab with a newer version of the page must not wait for this one.
  database.onversionchange = () => database.close()
  return {
    get: (collection, key) => settled(database.transaction(table).objectStore(table).get([collection, key])),
    list: (collection, { after, before, limit, reverse = false }) => {
      // The browser takes no range that cannot hold anything.
      if (before !== undefined && before <= (after ?? '')) return Promise.resolve([])
      // Below every text lies no key, above every text lies an array.
      const lower = [collection, after ?? '']
      const upper = [collection, before ?? []]
      const range = IDBKeyRange.bound(lower, upper, after !== undefined, true)
      const source = database.transaction(table).objectStore(table)
      return collect(source.openCursor(range, reverse ? 'prev' : 'next'), limit)
    },
    write: changes =>
      new Promise((resolve, reject) => {
        const transaction = database.transaction(table, 'readwrite', { durability: 'strict' })
        const items = transaction.objectStore(table)
        transaction.oncomplete = () => resolve()
        transaction.onabort = () => reject(failure(transaction.error))
        for (const { collection, key, value } of changes) {
          if (value === undefined) items.delete([collection, key])
          else items.put(value, [collection, key])
        }
        transaction.commit()
      }),
    close: async () => database.close(),
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(failure(request.error))
  })
}

function collect(request: IDBRequest<IDBCursorWithValue | null>, limit: number): Promise<StoreItem[]> {
  const items: StoreItem[] = []
  return new Promise((resolve, reject) => {
    request.onerror = () => reject(failure(request.error))
    request.onsuccess = () => {
      const cursor = request.result
      if (cursor === null || items.length >= limit) return resolve(items)
      const key = Array.isArray(cursor.key) ? cursor.key[1] : undefined
      if (typeof key === 'string') items.push({ key, value: cursor.value })
      cursor.continue()
    }
  })
}

function failure(cause: unknown): SkrepkaError {
  return new SkrepkaError('storage', `the browser could not store this (${String(cause)})`, { cause })
}
