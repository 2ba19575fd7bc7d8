/** Calls to the outside. Everything that follows a URL somebody gave us goes through `SafeFetch`. */

export interface SafeFetchOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** The whole exchange, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number
  /** The answer's body; a longer one fails. Default 1 MiB. */
  readonly bytesMax?: number
  /** Redirects that are followed, each checked anew. Default 0: an answer 3xx is given back as it is. */
  readonly redirectsMax?: number
  readonly signal?: AbortSignal
}

export interface SafeResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** Where it came from in the end. */
  readonly url: string
}

/**
 * Fetches an http(s) URL whose host resolves to public unicast addresses only; connects to the address that was checked
 * (no DNS rebinding); in development loopback is allowed too. Throws Refusal 'upstream' (unreachable, forbidden
 * address, too large) or 'upstream-timeout'.
 */
export type SafeFetch = (url: string, options?: SafeFetchOptions) => Promise<SafeResponse>
