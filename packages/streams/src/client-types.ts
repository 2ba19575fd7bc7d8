/** What a client is made of, and what it tells. */
import type { ThrottleRefusal } from './wire-replies.ts'

/**
 * `refused`: the server said no, with its text. `rate-limited`: it said not so often (`retryAfterMs`). `authentication`:
 * no token could be had, or it was not believed. `timeout`, `disconnected`: no answer; what was asked may or may not
 * have happened. `malformed`: an answer that makes no sense. `closed`: the client was closed. `handler`: a function that
 * was given to the client threw.
 */
export type LeafErrorCode =
  | 'refused'
  | 'rate-limited'
  | 'authentication'
  | 'timeout'
  | 'disconnected'
  | 'malformed'
  | 'closed'
  | 'handler'

/** Whatever goes wrong in a client. */
export class LeafError extends Error {
  override readonly name = 'LeafError'
  readonly code: LeafErrorCode
  /** With `rate-limited`: how long to wait. */
  readonly retryAfterMs: number | undefined
  /** With `rate-limited`: everything that the throttle told. */
  readonly throttle: ThrottleRefusal | undefined

  constructor(
    code: LeafErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly throttle?: ThrottleRefusal } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.throttle = options.throttle
    this.retryAfterMs = options.throttle?.retryAfterMs
  }
}

/** What differs between Node and browsers; `node/client.ts` and `browser/client.ts` have one each. */
export interface ClientPlatform {
  /** Runs it once, later; gives what cancels it. */
  readonly setTimer: (run: () => void, ms: number) => () => void
  readonly randomBytes: (length: number) => Uint8Array
  readonly fetch: typeof fetch
  readonly sha256: (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>
  /** Binary data as the msgpack encoder of this platform takes it. */
  readonly toBinary: (bytes: Uint8Array) => unknown
  /**
   * Whether the key signed the message (ECDSA with SHA-256, 64 bytes r ‖ s). `didKey` is `did:key:z…`. Absent where the
   * platform cannot: then `verifyChain` needs it as an option.
   */
  readonly verify?: (didKey: string, message: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>
}

export interface ClientOptions {
  /** How long a call may take; 30 s. */
  readonly callTimeoutMs?: number
  /** The same for `createStream` (it waits for the directory) and `updateModule` (it rebuilds); 10 minutes. */
  readonly longCallTimeoutMs?: number
  /** Whether a connection that was lost is made again; true. */
  readonly reconnect?: boolean
  /** How long to wait before the first attempt to connect again; later ones wait longer, up to 30 s. 1 s. */
  readonly reconnectMs?: number
  /** Pages that wait for a subscription's handler before the client stops the server and later goes on where it was; 64. */
  readonly pagesWaitingMax?: number
  /** Where the keys of streams are looked up; https://plc.directory. */
  readonly plcDirectory?: string
}

export const clientDefaults = {
  callTimeoutMs: 30_000,
  longCallTimeoutMs: 600_000,
  reconnect: true,
  reconnectMs: 1000,
  pagesWaitingMax: 64,
  plcDirectory: 'https://plc.directory',
} as const

/** Gives a service token for `aud` = the server's DID and `lxm` = `town.muni.leaf.authenticate`; asked at every connection. */
export type Authenticator = () => Promise<string>

/** What `on` and `off` take. */
export interface ClientEvents {
  readonly connect: () => void
  readonly disconnect: () => void
  /** Who the server takes this client for; undefined: nobody. */
  readonly authenticated: (did: string | undefined) => void
  readonly error: (error: LeafError) => void
}

export type ResolvedOptions = Required<ClientOptions>
