/** A map that never holds more than `max` entries: the one that was not used for the longest time goes first. */
export interface BoundedMap<Key, Value> {
  get(key: Key): Value | undefined
  set(key: Key, value: Value): void
  delete(key: Key): void
  clear(): void
  readonly size: number
}

/** An empty `BoundedMap`. `dropped` is told every value that leaves other than by `get`. */
export function createBoundedMap<Key, Value>(
  max: number,
  dropped: (value: Value) => void = () => undefined,
): BoundedMap<Key, Value> {
  // A Map keeps the order of insertion, so its first key is the one used longest ago.
  const entries = new Map<Key, Value>()
  const remove = (key: Key) => {
    const value = entries.get(key)
    if (value === undefined) return
    entries.delete(key)
    dropped(value)
  }
  return {
    get: key => {
      const value = entries.get(key)
      if (value === undefined) return undefined
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    set: (key, value) => {
      remove(key)
      entries.set(key, value)
      for (const oldest of entries.keys()) {
        if (entries.size <= max) break
        remove(oldest)
      }
    },
    delete: remove,
    clear: () => {
      for (const key of entries.keys()) remove(key)
    },
    get size() {
      return entries.size
    },
  }
}
