/**
 * The streams of a house, as its sockets, its HTTP routes and its commands see them. Texts of refusals are upstream's
 * where upstream has one: they reach callers as `{"Err": text}`.
 */
import type { LogEvent, SqlParam, StreamDid } from '../host/contract.ts'

/** Who asks. */
export interface Caller {
  /** Null: anonymous. */
  readonly did: string | null
  /** Came with the unsafe token: may override the user of events, and is the server's own DID. */
  readonly unsafe: boolean
}

export interface QueryRequest {
  readonly name: string
  readonly params: ReadonlyMap<string, SqlParam>
  /** Undefined: not given. */
  readonly start: number | undefined
  /** 1,000 when not given. */
  readonly limit: number
}

/** Rows as DRISL of an array, encoded once. */
export interface QueryAnswer {
  readonly count: number
  readonly drisl: Uint8Array
}

/** One notification of a subscription. */
export type SubscriptionPage =
  | { readonly ok: true; readonly rows: QueryAnswer; readonly hasMore: boolean }
  | { readonly ok: false; readonly error: string }

export interface SubscribeRequest {
  readonly stream: StreamDid
  readonly caller: Caller
  readonly query: QueryRequest
  /** The first page is not sent before this settles (the pong of a ping that followed the ack). */
  readonly gate: Promise<void>
  /** Resolves when the socket can take more: the log is read again only then. Pages of one subscription come in order. */
  readonly send: (page: SubscriptionPage) => Promise<void>
  /** Ends it: unsubscribed, disconnected, stopping. */
  readonly signal: AbortSignal
}

export interface AppendRequest {
  readonly stream: StreamDid
  readonly caller: Caller
  readonly events: readonly Uint8Array[]
  /** Only with an unsafe caller. */
  readonly userOverride?: string
  /** Additive: the append is refused unless the log's head is this idx. */
  readonly expectedIdx?: number
  /**
   * Additive: a batch with an id that this stream already took from this user answers as it did then, and appends
   * nothing. At most 64 characters; remembered for the next 10,000 events.
   */
  readonly batchId?: string
}

export interface Appended {
  /** 0 and 0 for an empty batch. */
  readonly firstIdx: number
  readonly lastIdx: number
}

export interface StreamInfo {
  readonly moduleCid: string | null
  readonly clientStamp: string | null
}

/** What a list shows of a stream. */
export interface StreamRow {
  readonly did: StreamDid
  readonly owners: readonly string[]
  readonly moduleCid: string | null
  readonly handle: string | null
  readonly head: number
  /** Of payloads and signatures. */
  readonly bytes: number
  readonly frozen: boolean
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** An event with what verifies it (decisions, 7). */
export interface ChainedEvent extends LogEvent {
  /** SHA-256 of the event before it; 32 zero bytes for the first. */
  readonly prevHash: Uint8Array
  /** The stream key's signature over this event's hash, on the last event of what was stored at once: one batch or several. */
  readonly headSignature: Uint8Array | undefined
}

/** Every method may throw Refusal: `invalid`, `unauthenticated`, `forbidden`, `missing`, `conflict`, `too-large`, `limited`, `unavailable`, `upstream`. */
export interface Streams {
  /** `module` is the canonical DRISL of the map; validated before it is kept. */
  uploadModule(
    caller: Caller,
    module: Uint8Array,
  ): Promise<{ readonly cid: string; readonly warnings: readonly string[] }>
  hasModule(cid: string): Promise<boolean>
  create(request: {
    readonly caller: Caller
    readonly moduleCid: string
    readonly clientStamp: string | null
  }): Promise<{ readonly streamDid: StreamDid; readonly clientStamp: string | null }>
  info(stream: StreamDid): Promise<StreamInfo>
  updateModule(caller: Caller, stream: StreamDid, moduleCid: string): Promise<void>
  append(request: AppendRequest): Promise<Appended>
  appendState(request: AppendRequest): Promise<void>
  clearState(caller: Caller, stream: StreamDid): Promise<void>
  query(caller: Caller, stream: StreamDid, query: QueryRequest): Promise<QueryAnswer>
  /** Resolves once it is registered; pages follow through `send`. */
  subscribe(request: SubscribeRequest): Promise<void>
  setHandle(caller: Caller, stream: StreamDid, handle: string | null): Promise<void>
  /** Ordered by did, after `after`; at most `limit`. */
  list(options: {
    readonly owner?: string
    readonly after?: StreamDid
    readonly limit: number
  }): Promise<readonly StreamRow[]>

  /** For reading over HTTP: whether everybody may read the log as it is (the module says `"publicLog": true`), or this caller may (an owner). */
  mayReadLog(caller: Caller, stream: StreamDid): Promise<boolean>
  head(stream: StreamDid): Promise<number>
  /** Events with idx > `after`, ascending; bounded by both, at least one if there is one. */
  readLog(
    stream: StreamDid,
    after: number,
    itemsMax: number,
    bytesMax: number,
  ): Promise<readonly ChainedEvent[]>
  /** Resolves with the head once it is greater than `after`, or when the signal ends (with the head as it is). */
  waitPast(stream: StreamDid, after: number, signal: AbortSignal): Promise<number>

  /** For operators: no caller is asked. */
  freeze(stream: StreamDid, frozen: boolean): Promise<void>
  delete(stream: StreamDid): Promise<void>
  setQuota(owner: string, quota: Quota | undefined): Promise<void>
  quotaOf(owner: string): Promise<{ readonly quota: Quota; readonly used: Quota }>
}

/** How much an owner may have. */
export interface Quota {
  readonly streams: number
  readonly bytes: number
}
