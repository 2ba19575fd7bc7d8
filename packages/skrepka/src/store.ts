/**
 * Where a client keeps what it knows. Three stores pass one suite: in memory, in the browser's IndexedDB, in a file. A
 * change is atomic and durable once its promise resolves: the client acknowledges mail only then.
 */

/** What can be stored: JSON, bytes and (in IndexedDB only) keys of the platform. Absent fields stay absent. */
export type StoredValue = unknown

export interface StoreItem {
  readonly key: string
  readonly value: StoredValue
}

export interface StoreChange {
  readonly collection: string
  readonly key: string
  /** Undefined removes the item. */
  readonly value: StoredValue
}

export interface StoreRange {
  /** Keys greater than this one. */
  readonly after?: string
  /** Keys smaller than this one. */
  readonly before?: string
  readonly limit: number
  /** From the greatest key down. */
  readonly reverse?: boolean
}

/** Items in collections, each ordered by its keys (by UTF-16 code units). */
export interface Store {
  get(collection: string, key: string): Promise<StoredValue>
  list(collection: string, range: StoreRange): Promise<readonly StoreItem[]>
  /** All of them or none; in order, so that the last change of a key wins. Rejects with SkrepkaError 'storage'. */
  write(changes: readonly StoreChange[]): Promise<void>
  close(): Promise<void>
}

/** The range of all keys that begin with `prefix`. */
export function prefixRange(prefix: string): { readonly after: string; readonly before: string } {
  return { after: prefix, before: `${prefix}\uffff` }
}

/** A number as a key that sorts by its value; whole, from 0 to 9,007,199,254,740,991. */
export function orderedNumber(value: number): string {
  return String(value).padStart(16, '0')
}
