/** How peers are called: over the kernel's fetch, which connects to the addresses that it has checked and no others. */
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { createSafeFetch, type ResolveHost } from '../../kernel/fetch.ts'
import { isPrivateAddress } from '../../kernel/public-address.ts'
import type { CallPeer, ServerName } from '../contract.ts'
import { isPrivateHost, parseServerName } from './names.ts'

export interface CallPeerOptions {
  readonly serverHost: ServerName
  /** `https://` or `http://`. */
  readonly scheme: string
  /** Names that the operator wrote down; they may lie in a private network whatever our own name is. */
  readonly trusted: readonly ServerName[]
  readonly clock: Pick<Clock, 'now'>
  /** Default: the system's DNS. */
  readonly resolve?: ResolveHost
}

/** The longest answer of a peer. */
const answerBytesMax = 64 * 1024

/**
 * Calls peers by their names: no redirects, 64 KiB of answer, the caller's time limit. A relay whose own name is private
 * (two on one machine, a closed network) may reach private addresses, any other public ones only. One bad address among
 * a name's is enough to refuse it.
 */
export function createCallPeer(options: CallPeerOptions): CallPeer {
  const { serverHost, scheme, clock } = options
  const own = parseServerName(serverHost)
  const isPrivate = own === undefined || isPrivateHost(own.host)
  const trusted = new Set(options.trusted.map(name => parseServerName(name)?.host))
  const fetch = createSafeFetch({
    allowLoopback: false,
    allowHttp: scheme === 'http://',
    allowAddress: (address, hostname) => (isPrivate || trusted.has(hostname)) && isPrivateAddress(address),
    ...(options.resolve === undefined ? {} : { resolve: options.resolve }),
  })
  return async (server, call) => {
    if (parseServerName(server) === undefined) {
      throw new Refusal('upstream', `expected host or host:port, got "${server.slice(0, 200)}"`)
    }
    const answer = await fetch(`${scheme}${server}${call.path}`, {
      method: call.method,
      ...(call.headers === undefined ? {} : { headers: call.headers }),
      ...(call.body === undefined ? {} : { body: call.body }),
      timeoutMs: call.timeoutMs,
      bytesMax: answerBytesMax,
      redirectsMax: 0,
      signal: call.signal,
    })
    return {
      status: answer.status,
      retryAfterMs: retryAfterMs(answer.headers['retry-after'], clock.now()),
      body: answer.body,
    }
  }
}

/** `Retry-After` is a number of seconds or a date. */
function retryAfterMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const atMs = Date.parse(text)
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs)
}
