/**
 * A map that never weighs more than its bound: the entries that were not used for the longest time go first. What is
 * read while it is less than half full is not noted as used: nothing is about to go then, and noting costs more than
 * reading.
 */
export interface BoundedMap<Key, Value> {
  get(key: Key): Value | undefined
  set(key: Key, value: Value): void
  delete(key: Key): void
  clear(): void
  readonly size: number
}

/**
 * An empty `BoundedMap`. `max` counts entries, or, with `weigh`, the sum of their weights; an entry that alone weighs
 * more is not kept.
 */
export function createBoundedMap<Key, Value>(
  max: number,
  weigh: (value: Value) => number = () => 1,
): BoundedMap<Key, Value> {
  // A Map keeps the order of insertion, so its first key is the one used longest ago.
  const entries = new Map<Key, { readonly value: Value; readonly weight: number }>()
  let total = 0
  const remove = (key: Key) => {
    total -= entries.get(key)?.weight ?? 0
    entries.delete(key)
  }
  return {
    get: key => {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      if (total * 2 < max) return entry.value
      entries.delete(key)
      entries.set(key, entry)
      return entry.value
    },
    set: (key, value) => {
      remove(key)
      const weight = weigh(value)
      entries.set(key, { value, weight })
      total += weight
      if (total <= max) return
      for (const oldest of entries.keys()) {
        if (total <= max) break
        remove(oldest)
      }
    },
    delete: remove,
    clear: () => {
      entries.clear()
      total = 0
    },
    get size() {
      return entries.size
    },
  }
}
