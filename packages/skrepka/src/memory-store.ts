import type { Store, StoreChange, StoreItem, StoreRange } from './store.ts'

/** A store that forgets everything with the process; what it gives are copies. */
export function createMemoryStore(): Store {
  const items = createItems()
  return {
    get: async (collection, key) => structuredClone(items.get(collection, key)),
    list: async (collection, range) => structuredClone(items.list(collection, range)),
    write: async changes => items.apply(structuredClone([...changes])),
    close: async () => undefined,
  }
}

/** Items in memory, as the memory store and the file store hold them. */
export interface Items {
  get(collection: string, key: string): unknown
  list(collection: string, range: StoreRange): StoreItem[]
  apply(changes: readonly StoreChange[]): void
  /** Everything, one put an item. */
  all(): Iterable<StoreChange>
  count(): number
}

interface Collection {
  readonly values: Map<string, unknown>
  /** Keys in order; undefined after a change of which keys there are. */
  sorted: string[] | undefined
}

export function createItems(): Items {
  const collections = new Map<string, Collection>()
  const open = (name: string): Collection => {
    const found = collections.get(name) ?? { values: new Map(), sorted: undefined }
    collections.set(name, found)
    return found
  }
  return {
    get: (collection, key) => collections.get(collection)?.values.get(key),
    list: (name, { after, before, limit, reverse = false }) => {
      const collection = open(name)
      collection.sorted ??= [...collection.values.keys()].toSorted()
      const { sorted } = collection
      const from = after === undefined ? 0 : firstAtLeast(sorted, `${after}\0`)
      const to = before === undefined ? sorted.length : firstAtLeast(sorted, before)
      const keys = reverse
        ? sorted.slice(Math.max(from, to - limit), to).toReversed()
        : sorted.slice(from, Math.min(to, from + limit))
      return keys.map(key => ({ key, value: collection.values.get(key) }))
    },
    apply: changes => {
      for (const { collection: name, key, value } of changes) {
        const collection = open(name)
        if (collection.values.has(key) !== (value !== undefined)) collection.sorted = undefined
        if (value === undefined) collection.values.delete(key)
        else collection.values.set(key, value)
      }
    },
    *all() {
      for (const [collection, { values }] of collections) {
        for (const [key, value] of values) yield { collection, key, value }
      }
    },
    count: () => [...collections.values()].reduce((total, { values }) => total + values.size, 0),
  }
}

/** The index of the first key that is not smaller than `bound`. */
function firstAtLeast(sorted: readonly string[], bound: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? '') < bound) low = middle + 1
    else high = middle
  }
  return low
}
