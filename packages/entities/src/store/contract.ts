/**
 * A store of authorised entries and their payloads, as sync, drops and the library see it. It holds any number of
 * namespaces. Invariant: no two entries of one namespace and subspace where one is newer and its path a prefix of (or
 * equal to) the other's, in whatever order they came.
 */
import type { AuthorisedEntry, Fault } from '../meadowcap/verify.ts'
import type { Area } from '../willow/area.ts'
import type { Path } from '../willow/path.ts'

/** What became of one entry. */
export type IngestOutcome =
  /** New; `arrival` is its number, `pruned` how many entries it replaced. */
  | { readonly kind: 'stored'; readonly arrival: number; readonly pruned: number }
  /** The very same entry is there. (Under another capability the bytewise smaller one is kept.) */
  | { readonly kind: 'known' }
  /** Something newer is there, at this path or above. */
  | { readonly kind: 'obsolete' }
  | { readonly kind: 'refused'; readonly fault: Fault | 'future' | 'limit' | 'quota' | 'namespace' }

export interface IngestOptions {
  /** Entries whose timestamp is greater are refused as `future`; undefined: none. */
  readonly timestampMax?: bigint
  /** Only entries of these namespaces are taken. */
  readonly namespaceAllowed?: (namespace: Uint8Array) => boolean
  /** What a subspace may have in all; undefined: as much as it likes. Entries beyond it are refused as `quota`. */
  readonly quotaOf?: (namespace: Uint8Array, subspace: Uint8Array) => SubspaceUsage | undefined
}

/** Entries of a subspace, and the bytes of their payloads. */
export interface SubspaceUsage {
  readonly entries: number
  readonly bytes: number
}

/** An entry as it lies in the store. */
export interface StoredEntry extends AuthorisedEntry {
  /** Rises with every entry that is stored, over all namespaces; holes are allowed. */
  readonly arrival: number
  /** Whether the payload's bytes are here. Empty payloads always are. */
  readonly hasPayload: boolean
}

/** A run of entries in the order (subspace, path): from one key to another. */
export interface KeyRange {
  readonly namespace: Uint8Array
  /** Inclusive: subspace (32 bytes) and `pathKey` joined; empty: from the beginning. */
  readonly start: Uint8Array
  /** Exclusive; undefined: to the end. */
  readonly end: Uint8Array | undefined
}

/** Willow'25's fingerprint of a range: the sum of its entries' hashes, modulo 2^256, and their number. */
export interface RangeSummary {
  /** 32 bytes, big-endian; of an empty range, zeros. */
  readonly fingerprint: Uint8Array
  readonly count: number
}

export interface PageRequest {
  readonly range: KeyRange
  /** Further narrowed to an area (its times, for one). */
  readonly area?: Area
  readonly limit: number
}

export interface Page {
  /** Ascending in (subspace, path). */
  readonly entries: readonly StoredEntry[]
  /** Where to go on; undefined: this was the end. */
  readonly next: Uint8Array | undefined
}

export interface HashPage {
  readonly items: readonly { readonly key: Uint8Array; readonly hash: Uint8Array }[]
  /** Where to go on; undefined: this was the end. */
  readonly next: Uint8Array | undefined
}

/** Every method may throw StoreError `unavailable`; nothing is half done then. */
export interface EntryStore {
  /**
   * Verifies and stores entries, each for itself, all in one durable step. In this order: limits, timestamp, whether it is
   * obsolete (cheap), and only then signatures. Outcomes stand in the order of entries.
   */
  ingest(entries: readonly AuthorisedEntry[], options?: IngestOptions): Promise<readonly IngestOutcome[]>
  /** The library's own writes: entries with their payloads, all or nothing. Throws StoreError when one is not stored. */
  write(
    entries: readonly { readonly authorised: AuthorisedEntry; readonly payload: Uint8Array }[],
    /** Texts by name that are kept in the same step: what a device remembers of its own writes. */
    notes?: ReadonlyMap<string, string>,
  ): Promise<readonly IngestOutcome[]>
  /** Keeps a payload that some entry here names; false when none does, or when digest or length do not fit. */
  putPayload(digest: Uint8Array, bytes: Uint8Array): Promise<boolean>
  payload(digest: Uint8Array): Promise<Uint8Array | undefined>
  /** Which of these payloads are not here, in their order. */
  missingPayloads(digests: readonly Uint8Array[]): Promise<readonly Uint8Array[]>
  entry(namespace: Uint8Array, subspace: Uint8Array, path: Path): Promise<StoredEntry | undefined>
  /** The newest entry at this path or at a prefix of it: what a new entry there must be newer than. */
  newestAbove(namespace: Uint8Array, subspace: Uint8Array, path: Path): Promise<StoredEntry | undefined>
  page(request: PageRequest): Promise<Page>
  /** Entries with arrival > `after`, ascending, at most `limit`; of one namespace. */
  arrivals(namespace: Uint8Array, after: number, limit: number): Promise<readonly StoredEntry[]>
  /** The largest arrival number so far; 0 when there is none. */
  lastArrival(): Promise<number>
  /** Changes when arrival numbers of the past mean nothing any more (a restored or emptied store). */
  epoch(): Promise<string>
  /** Up to `limit` hashes of a range, ascending by key: what fingerprints are sums of. */
  hashes(range: KeyRange, limit: number): Promise<HashPage>
  /** Entries by their keys (as in `KeyRange`), in their order; undefined where there is none. */
  entriesAt(namespace: Uint8Array, keys: readonly Uint8Array[]): Promise<readonly (StoredEntry | undefined)[]>
  /** Up to `limit` entries that name a payload. */
  entriesOf(digest: Uint8Array, limit: number): Promise<readonly StoredEntry[]>
  summary(range: KeyRange): Promise<RangeSummary>
  /** Splits a range into at most `parts` that hold about as many entries each. */
  split(range: KeyRange, parts: number): Promise<readonly (KeyRange & RangeSummary)[]>
  /** Calls `listener` after entries or payloads were stored. Returns the end of it. */
  listen(listener: () => void): () => void
  /** Removes the entries and payloads of a subspace (or of a namespace) here; others keep theirs. */
  forget(namespace: Uint8Array, subspace?: Uint8Array): Promise<void>
  namespaces(): Promise<readonly Uint8Array[]>
  subspaces(
    namespace: Uint8Array,
    after: Uint8Array | undefined,
    limit: number,
  ): Promise<readonly ({ readonly subspace: Uint8Array } & SubspaceUsage)[]>
  close(): Promise<void>
}
