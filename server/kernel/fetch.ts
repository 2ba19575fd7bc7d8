/** Calls to the outside. Everything that follows a URL somebody gave us goes through `SafeFetch`. */
import { isIP } from 'node:net'
import { resolveAddresses } from './dns.ts'
import { Refusal } from './errors.ts'
import { exchange, type Target } from './outbound.ts'
import { isLoopbackAddress, isPublicAddress } from './public-address.ts'

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

/** The addresses of a host name, as text. Throws when it has none. */
export type ResolveHost = (hostname: string) => Promise<readonly string[]>

export interface SafeFetchPolicy {
  /** Development: loopback addresses and plain http are allowed too. */
  readonly allowLoopback: boolean
  /** Default: the system's DNS. */
  readonly resolve?: ResolveHost
  /** Whether plain http is allowed. Default: as `allowLoopback`. */
  readonly allowHttp?: boolean
  /** Addresses of a host that are allowed besides public ones. Default: none. */
  readonly allowAddress?: (address: string, hostname: string) => boolean
}

const timeoutDefaultMs = 10_000
const bytesDefault = 1024 * 1024

/** A `SafeFetch` for URLs that somebody gave us. */
export function createSafeFetch(policy: SafeFetchPolicy): SafeFetch {
  const { allowLoopback, resolve = resolveAddresses, allowHttp = allowLoopback, allowAddress } = policy
  const allowed = (address: string, hostname: string) =>
    isPublicAddress(address) ||
    (allowLoopback && isLoopbackAddress(address)) ||
    allowAddress?.(address, hostname) === true
  return createFetch(async url => {
    if (url.protocol !== 'https:' && !allowHttp) {
      throw new Refusal('upstream', `expected an https URL, got ${url.protocol}//${url.host}`)
    }
    if (url.username !== '' || url.password !== '') {
      throw new Refusal('upstream', `expected a URL without a user name, got one for ${url.host}`)
    }
    const hostname = url.hostname.replace(/^\[|\]$/g, '')
    const addresses = isIP(hostname) === 0 ? await resolve(hostname) : [hostname]
    const bad = addresses.find(address => !allowed(address, hostname))
    if (addresses.length === 0 || bad !== undefined) {
      throw new Refusal('upstream', `${url.hostname} is not at a public address (${bad ?? 'none'})`)
    }
    return { url, addresses, reuse: false }
  })
}

/** A fetch for endpoints that the operator configured (PLC directory, identity providers, relays): any address. */
export function createOperatorFetch(): SafeFetch {
  return createFetch(url => Promise.resolve({ url, addresses: undefined, reuse: true }))
}

function createFetch(check: (url: URL) => Promise<Target>): SafeFetch {
  return async (first, options = {}) => {
    const { timeoutMs = timeoutDefaultMs, bytesMax = bytesDefault, redirectsMax = 0 } = options
    const deadline = AbortSignal.timeout(timeoutMs)
    const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal])
    let step: Step = {
      url: httpUrlOf(first),
      method: options.method ?? 'GET',
      headers: options.headers ?? {},
      body: options.body,
    }
    try {
      for (let redirects = 0; ; redirects += 1) {
        const target = await orAborted(check(step.url), signal)
        const response = await exchange(target, step, { bytesMax, signal })
        const next = redirects < redirectsMax ? redirectOf(response, step) : undefined
        if (next === undefined) return { ...response, url: step.url.href }
        step = next
      }
    } catch (cause) {
      throw failure(cause, step.url, deadline)
    }
  }
}

interface Step {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | undefined
}

/** Where an answer sends us, as browsers do: 303, and 301/302 after a POST, become a GET. */
function redirectOf(response: Omit<SafeResponse, 'url'>, from: Step): Step | undefined {
  const location = response.headers['location']
  if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return undefined
  const url = URL.parse(location, from.url)
  if (url === null) throw new Refusal('upstream', `${from.url.host} redirects to what is not a URL`)
  httpUrlOf(url.href)
  const asGet = response.status === 303 || (response.status < 307 && from.method === 'POST')
  // What proves who we are is for the host it was meant for.
  const secret = /^(authorization|cookie|dpop)$/i
  const entries = Object.entries(from.headers)
  const headers = url.origin === from.url.origin ? entries : entries.filter(([name]) => !secret.test(name))
  return {
    url,
    method: asGet && from.method !== 'HEAD' ? 'GET' : from.method,
    headers: Object.fromEntries(asGet ? headers.filter(([name]) => !/^content-/i.test(name)) : headers),
    body: asGet ? undefined : from.body,
  }
}

function httpUrlOf(text: string): URL {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new Refusal('upstream', `expected an http or https URL, got "${text.slice(0, 200)}"`)
  }
  return url
}

/** Name resolution cannot be cancelled, only no longer waited for. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort))
}

function failure(cause: unknown, url: URL, deadline: AbortSignal): Refusal {
  if (cause instanceof Refusal) return cause
  if (deadline.aborted)
    return new Refusal('upstream-timeout', `${url.host} did not answer in time`, { cause })
  const reason = cause instanceof Error ? ('code' in cause ? String(cause.code) : cause.message) : 'unknown'
  return new Refusal('upstream', `${url.host} could not be reached (${reason})`, { cause })
}
