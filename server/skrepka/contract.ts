/**
 * How the rooms of the relay meet, and what the simulator drives. `auth` knows who asks, `mailbox` keeps mail, `mesh`
 * talks to other relays; `http` puts them on the wire. Nothing here knows sockets: time, randomness, storage and calls
 * to peers are handed in, so that many relays run in one process on a virtual clock.
 */
import type { Clock } from '../kernel/clock.ts'
import type { Sealer } from '../kernel/keys.ts'
import type { Logger } from '../kernel/log.ts'
import type { Metrics } from '../kernel/metrics.ts'
import type { Random } from '../kernel/random.ts'
import type { BlobStore } from '../kernel/storage/blobs.ts'
import type { Database, Tx } from '../kernel/storage/database.ts'
import type { SkrepkaSettings } from './config.ts'

/** A mailbox's key: 32 bytes of Ed25519, as 64 lower-case hex digits. */
export type KeyHex = string
/** A relay's name, `host` or `host:port`, lower case, without a trailing dot. */
export type ServerName = string

/** A request as `http` decoded it; the body is still bytes. */
export interface RelayRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** The query's text without `?`. */
  readonly query: string
  /** Undefined when absent; names in lower case. */
  readonly header: (name: string) => string | undefined
  readonly body: Uint8Array
  /** The caller's address by the house's rule for trusted proxies. */
  readonly address: string
  /** Whether a trusted proxy named that address (a session is bound to an address only then, as in the seed). */
  readonly forwarded: boolean
  /** Ends when the caller went away or the relay stops. */
  readonly signal: AbortSignal
  /** Calls back once when the caller went away: what a held poll uses instead of the signal, as it costs less. */
  readonly onGone?: (listener: () => void) => void
}

export interface RelayAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** JSON text; keys in alphabetical order. Large pages come in pieces, so that no page is twice in memory. */
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array>
}

/** What a peer answered. */
export interface PeerAnswer {
  readonly status: number
  /** From `Retry-After`, when it was there. */
  readonly retryAfterMs: number | undefined
  /** At most 64 KiB. */
  readonly body: Uint8Array
}

/**
 * One call to a peer, https unless the settings say otherwise, no redirects. Throws Refusal 'upstream' or
 * 'upstream-timeout' when there was no answer (name not allowed, not reachable, too slow, too large).
 */
export type CallPeer = (
  server: ServerName,
  call: {
    readonly method: 'GET' | 'POST'
    readonly path: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
    readonly timeoutMs: number
    readonly signal: AbortSignal
  },
) => Promise<PeerAnswer>

export interface RelayDependencies {
  readonly settings: SkrepkaSettings
  /** This relay's own name. */
  readonly serverHost: ServerName
  /** 32 bytes that outlive restarts: challenges are made of it. And the one before, accepted for a minute. */
  readonly houseKey: Uint8Array
  readonly previousHouseKey?: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly database: Database
  readonly blobs: BlobStore
  readonly log: Logger
  readonly metrics: Metrics
  readonly callPeer: CallPeer
  /** Seals mail at rest; absent: it lies as it came. */
  readonly sealer?: Sealer
}

/** A relay without sockets. */
export interface Relay {
  /** Answers any request of the six routes and of `/skrepka/*` and `/.well-known/skrepka-relay`; 404 for others. Never throws. */
  answer(request: RelayRequest): Promise<RelayAnswer>
  /** Sweepers, retries, announcements. */
  start(): Promise<void>
  /** Answers parked polls with empty pages, ends background work. */
  stop(): Promise<void>
  counts(): Promise<RelayCounts>
}

export interface RelayCounts {
  readonly mailboxes: number
  readonly pending: number
  readonly waiters: number
  readonly peers: number
  readonly forwards: number
}

/** Where a message came from: a session of ours (by a pseudonym that is not stored), or a peer. */
export type Origin =
  | { readonly kind: 'sender'; readonly key: KeyHex }
  | {
      readonly kind: 'peer'
      readonly server: ServerName | undefined
      readonly address: string
      readonly proven: boolean
    }

export interface Incoming {
  readonly to: KeyHex
  readonly blob: Uint8Array
  /** SHA-256 of the blob. */
  readonly hash: Uint8Array
  readonly origin: Origin
  /** What `Mailboxes.stow` gave for the blob; a large blob without it is kept in its row. */
  readonly ref?: string
}

/** `duplicate`: this mailbox has it, or had it and acked it. `full`: over the quota, or the origin's share of it. */
export type AppendOutcome =
  | { readonly kind: 'stored'; readonly box: number; readonly seq: number }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'full'; readonly retryAfterMs: number }

/** Mail that is pending, as the mesh forwards it. */
export interface PendingMessage {
  readonly box: number
  readonly seq: number
  readonly hash: Uint8Array
  readonly bytes: number
}

/** What the mesh needs of mailboxes. All of it inside a transaction that somebody else owns. */
export interface Mailboxes {
  /** Appends in order, all in the one transaction; outcomes in the same order. After the commit the caller calls `wake`. */
  append(tx: Tx, messages: readonly Incoming[]): Promise<readonly AppendOutcome[]>
  /** Answers the polls and streams that wait for these keys. */
  wake(keys: readonly KeyHex[]): void
  /** The mailbox's number; undefined when the key never had mail. */
  boxOf(tx: Pick<Tx, 'get'>, key: KeyHex): Promise<number | undefined>
  /** Pending, unexpired mail of a mailbox with seq > `after`, ascending, at most `limit`. */
  pending(tx: Pick<Tx, 'all'>, box: number, after: number, limit: number): Promise<readonly PendingMessage[]>
  /** The bytes of a message; undefined once it is acked, expired or gone. */
  blob(box: number, seq: number): Promise<Uint8Array | undefined>
  /** Before the transaction: puts a large blob into the blob store, durably, and gives what `Incoming.ref` takes. Small ones: undefined. */
  stow(blob: Uint8Array, hash: Uint8Array): Promise<string | undefined>
  /** Takes away mail that a peer has taken, and had for long enough, as if its time was over. In transactions of its own. */
  release(mail: readonly { readonly key: KeyHex; readonly seq: number }[]): Promise<void>
}

/** A transferable proof that `key` logged in at `server` at a time (decisions, 2 to 4). */
export interface PresenceProof {
  readonly challenge: string
  readonly r: string
  readonly signature: string
  readonly boundHost?: string
}

/** What `auth` and `mailbox` need of the mesh. Every method that takes a `tx` runs in the caller's transaction. */
export interface Mesh {
  /** A login or a poll refreshed this key's presence here. Gives whether peers should hear of it. */
  present(
    tx: Tx,
    presence: { readonly key: KeyHex; readonly expiresAt: number; readonly proof: PresenceProof | undefined },
  ): Promise<boolean>
  /** After that commit. */
  announce(key: KeyHex): void
  /** No session of this key is left here (logout): peers hear `offline`. */
  absent(tx: Tx, key: KeyHex): Promise<void>
  /** Plans forwards of mail that was stored just now, for every other relay where its mailbox is present. Gives the servers to try at once. */
  stage(
    tx: Tx,
    stored: readonly { readonly key: KeyHex; readonly message: PendingMessage }[],
  ): Promise<readonly ServerName[]>
  /** After that commit: delivers to these servers now, breakers permitting. */
  deliver(servers: readonly ServerName[]): void
  /** Mail that was acked or has expired is not forwarded any more. */
  forget(tx: Tx, box: number, seqs: readonly number[]): Promise<void>
  /** `POST /federation/gossip`, `POST /federation/forward`, `GET /.well-known/skrepka-relay`, and what else peers ask. Undefined: not one of its routes. */
  answer(request: RelayRequest): Promise<RelayAnswer | undefined>
  start(): void
  stop(): Promise<void>
}
