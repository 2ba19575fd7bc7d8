/** What a place to keep rows must offer, so that one set of rules (`engine.ts`) serves memory, SQL and IndexedDB. */

/** An entry as a row. */
export interface EntryRow {
  /** Namespace number, subspace, path: see `keys.ts`. */
  readonly key: Uint8Array
  readonly arrival: number
  /** Of the payload. */
  readonly digest: Uint8Array
  /** The canonical entry, then the canonical capability, then the signature. */
  readonly body: Uint8Array
  /** What the entry adds to fingerprints: 32 bytes. */
  readonly hash: Uint8Array
  /** Of the payload; what an owner's quota counts. */
  readonly bytes: number
  readonly hasPayload: boolean
}

export type HashRow = Pick<EntryRow, 'key' | 'hash' | 'bytes'>

/** A sum over the entries from `key` up to the next node of its level. */
export interface NodeRow {
  readonly level: number
  readonly key: Uint8Array
  readonly sum: Uint8Array
  readonly count: number
  readonly bytes: number
}

export interface ReadRows {
  /** The rows of these keys, in their order; undefined where there is none. */
  entries(keys: readonly Uint8Array[]): Promise<readonly (EntryRow | undefined)[]>
  /** Rows with start <= key < end, ascending. */
  entryRange(start: Uint8Array, end: Uint8Array, limit: number): Promise<readonly EntryRow[]>
  /** What sums need of the same rows, and nothing more. */
  hashRange(start: Uint8Array, end: Uint8Array, limit: number): Promise<readonly HashRow[]>
  /** Rows of a key range with arrival > `after`, ascending by arrival. */
  arrivals(start: Uint8Array, end: Uint8Array, after: number, limit: number): Promise<readonly EntryRow[]>
  /** The last node of a level with key <= `key`. */
  nodeBefore(level: number, key: Uint8Array): Promise<NodeRow | undefined>
  /** The first node of a level with key > `key`. */
  nodeAfter(level: number, key: Uint8Array): Promise<NodeRow | undefined>
  /** Nodes of a level with start <= key < end, ascending. */
  nodeRange(level: number, start: Uint8Array, end: Uint8Array): Promise<readonly NodeRow[]>
  /** Rows that name a payload, at most `limit`. */
  byDigest(digest: Uint8Array, limit: number): Promise<readonly EntryRow[]>
  payload(digest: Uint8Array): Promise<Uint8Array | undefined>
  /** Which of these payloads are here. */
  hasPayloads(digests: readonly Uint8Array[]): Promise<readonly boolean[]>
  /** The length that some entry gives this payload; undefined: no entry names it. */
  payloadLength(digest: Uint8Array): Promise<number | undefined>
  meta(name: string): Promise<string | undefined>
}

export interface WriteRows extends ReadRows {
  putEntries(rows: readonly EntryRow[]): Promise<void>
  deleteEntries(keys: readonly Uint8Array[]): Promise<void>
  putNodes(rows: readonly NodeRow[]): Promise<void>
  deleteNodes(rows: readonly Pick<NodeRow, 'level' | 'key'>[]): Promise<void>
  /** Keeps bytes, and marks the entries that name them. */
  putPayload(digest: Uint8Array, bytes: Uint8Array): Promise<void>
  /** Removes those of these payloads that no entry names any more. */
  dropPayloads(digests: readonly Uint8Array[]): Promise<void>
  setMeta(name: string, value: string): Promise<void>
}

/** Inside `fn` nothing but its rows may be awaited. */
export interface Backing {
  /** A consistent view. */
  read<T>(fn: (rows: ReadRows) => Promise<T>): Promise<T>
  /** All of it becomes durable, or none. Writes run one after another. */
  write<T>(fn: (rows: WriteRows) => Promise<T>): Promise<T>
  /** Calls `listener` after writes of others to the same place (other tabs, other nodes). Returns the end of it. */
  listen(listener: () => void): () => void
  close(): Promise<void>
}
