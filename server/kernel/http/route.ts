/** How a system says what it serves. The kernel mounts routes; two systems that claim one path are an error at start. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

export interface RequestContext {
  /** In the log, in `X-Request-Id`, and in the body of every 5xx. */
  readonly id: string
  /** The caller's address, by the one rule for trusted proxies. IPv6 without zone; IPv4-mapped as IPv4. */
  readonly address: string
  /** Whether the caller's connection is TLS, by the same rule. */
  readonly secure: boolean
  /** The Host that the caller asked for, lower case, with port if it gave one, by the same rule. */
  readonly host: string
  /** Ends when the caller went away or the server stops. */
  readonly signal: AbortSignal
}

/**
 * `path` is exact (`/account`) or a prefix that ends in `/*` (`/xrpc/*`). The longest path wins. `handle` may throw a
 * Refusal (the kernel answers in JSON, or in HTML where the caller prefers it) or anything else (a 500 with the
 * request id).
 */
export interface Route {
  readonly path: string
  /** Absent: all. HEAD is served by GET routes. */
  readonly methods?: readonly string[]
  /**
   * True: `handle` gives `x-request-id` in the head of each of its answers, all headers at once in `writeHead`, which
   * node:http writes faster. Otherwise the header is there before `handle` is called.
   */
  readonly writesRequestId?: boolean
  readonly handle: (
    request: IncomingMessage,
    response: ServerResponse,
    context: RequestContext,
  ) => void | Promise<void>
}

/** A WebSocket upgrade at an exact path. A Refusal thrown before the handshake is answered as an HTTP status. */
export interface UpgradeRoute {
  readonly path: string
  readonly upgrade: (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    context: RequestContext,
  ) => void | Promise<void>
}
