/**
 * What runs strangers' SQL, as the rest of the streams system sees it. Hosts are child processes that keep, for every
 * stream, derived files: a mirror of the log, the tables of its module, its state. The truth is in the house database;
 * whatever a host loses it replays from there.
 */

/** `did:plc:…` of a stream. */
export type StreamDid = string

/** One event of the log, as modules see it in `events.events`. */
export interface LogEvent {
  /** From 1, without holes. */
  readonly idx: number
  readonly user: string
  readonly payload: Uint8Array
  /** Upstream's batch signature, 64 bytes. */
  readonly signature: Uint8Array
}

/** One entry of the state journal. `clear` empties the state as `stream/clear_state` does; its payload is empty. */
export interface StateEvent {
  /** From 1, without holes, a stream. */
  readonly seq: number
  /** The log's head when it was accepted. */
  readonly afterIdx: number
  readonly kind: 'event' | 'clear'
  readonly user: string
  readonly payload: Uint8Array
}

/** A module as a stream uses it; the generation tells a rebuild of the same module from its first build. */
export interface ModuleRef {
  /** Text form, `bafyrei…`. */
  readonly cid: string
  /** Rises with every build of this stream, from 1. */
  readonly generation: number
}

/** What is committed about a stream at the moment of a request. Hosts catch up to it before they answer. */
export interface StreamView {
  readonly did: StreamDid
  /** Whose stream it is: an owner may keep at most one host stuck. */
  readonly owner: string
  readonly module: ModuleRef
  /** The largest idx that is committed; 0 when there is none. */
  readonly head: number
  /** The largest seq of the state journal; 0 when there is none. */
  readonly stateHead: number
}

/** Where hosts read what they lack. Handed in by the engine; every answer is bounded by both limits, at least one item. */
export interface HostSources {
  /** Events with idx > `after`, ascending. */
  events(did: StreamDid, after: number, itemsMax: number, bytesMax: number): Promise<readonly LogEvent[]>
  /** Journal entries with seq > `after`, ascending. */
  stateEvents(
    did: StreamDid,
    after: number,
    itemsMax: number,
    bytesMax: number,
  ): Promise<readonly StateEvent[]>
  /** The module's DRISL bytes. */
  module(cid: string): Promise<Uint8Array | undefined>
}

/** A batch that waits for its authorizer. */
export interface Batch {
  readonly user: string
  readonly payloads: readonly Uint8Array[]
  /** Stored with every event of it (empty for state events). */
  readonly signature: Uint8Array
}

/** What became of one batch: all of its events got numbers, or none; `error` is upstream's text. */
export type BatchResult =
  | { readonly ok: true; readonly firstIdx: number; readonly lastIdx: number }
  | { readonly ok: false; readonly error: string }

/** An open transaction of a host. Exactly one of `commit` and `abort` must be called, and the stream has no other request until then. */
export interface Prepared {
  /** One for each batch, in their order. Accepted ones are numbered densely from `head + 1`. */
  readonly results: readonly BatchResult[]
  /** Makes the views show it. Called after the log is durable; never throws: a host that is gone catches up later. */
  commit(): Promise<void>
  /** Forgets it. Never throws. */
  abort(): Promise<void>
}

/** A value of SQL, as parameters carry it. A REAL is told from an INTEGER. */
export type SqlParam =
  | { readonly kind: 'null' }
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'real'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'blob'; readonly value: Uint8Array }

export interface HostQuery {
  readonly name: string
  readonly params: ReadonlyMap<string, SqlParam>
  readonly start: number
  readonly limit: number
  /** The caller's DID; null for an anonymous one. */
  readonly user: string | null
}

/** An answer that was encoded where it was read, so that nobody encodes it again. */
export interface HostRows {
  readonly count: number
  /** DRISL of the array of rows, each a map from column to SqlValue (`muni.town.sqliteValue.…`). */
  readonly drisl: Uint8Array
}

/** How far a build is. */
export interface BuildProgress {
  readonly applied: number
  readonly head: number
}

/**
 * Every call may throw Refusal: `invalid` with upstream's text for what the module's SQL refused or got wrong
 * (`Error while running stream module: …`; also past its deadline, when the host was killed), `unavailable` when
 * hosts are used up or the stream is in quarantine.
 */
export interface SqlHosts {
  /**
   * Runs authorizer, mirror insert and materializer of the batches in one open transaction, each batch a savepoint. A
   * function is called once, when a host is about to run them, so that what came meanwhile comes along; it never throws.
   */
  prepare(view: StreamView, batches: readonly Batch[] | (() => readonly Batch[])): Promise<Prepared>
  /** The same with the state materializer; results number the journal (`seq`) instead of the log. */
  prepareState(view: StreamView, batches: readonly Batch[]): Promise<Prepared>
  /** Applies journal entries that the engine has committed meanwhile (a `clear`, for one). */
  catchUp(view: StreamView): Promise<void>
  query(view: StreamView, query: HostQuery): Promise<HostRows>
  /** Compiles everything that a module contains, in memory; throws with a text that names what is wrong and where. Gives warnings (replays that differ). */
  validate(module: Uint8Array): Promise<readonly string[]>
  /**
   * Builds `view.module` beside what serves now, from the log, in chunks; resumes where an earlier call ended. Resolves
   * once it has reached `view.head`. Until `adopt` nothing that serves is touched.
   */
  build(
    view: StreamView,
    options: { readonly signal: AbortSignal; readonly onProgress?: (progress: BuildProgress) => void },
  ): Promise<void>
  /** After the new module is committed as the stream's: its state takes the place of the old one, and older files go. Repeatable. */
  adopt(view: StreamView): Promise<void>
  /** Removes the files of a build that failed. */
  discard(did: StreamDid, module: ModuleRef): Promise<void>
  /** Makes the state file durable; gives the seq and idx that it holds, up to which the journal may be pruned. */
  checkpointState(view: StreamView): Promise<{ readonly seq: number; readonly idx: number }>
  /** A consistent copy of the state file's bytes (for backup); undefined when there is none. */
  copyState(view: StreamView): Promise<Uint8Array | undefined>
  /** Puts a state file in place before the stream's first request (for restore and import). */
  placeState(did: StreamDid, bytes: Uint8Array): Promise<void>
  /** Closes the stream everywhere and removes its folder. */
  remove(did: StreamDid): Promise<void>
  /** For metrics and status. */
  counts(): HostCounts
  /** Ends every host. */
  close(): Promise<void>
}

export interface HostCounts {
  readonly hosts: number
  readonly openStreams: number
  readonly kills: number
  readonly stuck: number
  readonly quarantined: number
}
