/**
 * How a peer shows that a name is its own, without keys or certificates of its own: it asks, in that name, for a token;
 * the token is brought to the name by a call back, so only who answers there gets it; and it goes with every call after.
 * Tokens are computed, not stored, and are good for one to two days.
 */
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Random } from '../../kernel/random.ts'
import type { CallPeer, ServerName } from '../contract.ts'

/** The feature of a peer that gives tokens. */
export const tokenFeature = 'peer-token'

export const askPath = '/skrepka/peer/ask'
export const tokenPath = '/skrepka/peer/token'

export interface PeerTokens {
  /** The headers of a call to a peer: who we are, and that we are. */
  headers(server: ServerName): Record<string, string>
  /** Whether a token is one of ours for that name. */
  isValid(server: ServerName, token: string | undefined): boolean
  /** Asks a peer for a token unless we have one that is fresh, or just asked. */
  fetch(server: ServerName): Promise<void>
  /** A peer did not accept what we have. */
  forget(server: ServerName): void
  /** Somebody asks in that name: calls back, with the token. Whoever did not ask throws it away. */
  give(server: ServerName, nonce: string): Promise<void>
  /** A token was brought: kept if we asked for it. */
  take(server: ServerName, nonce: string, token: string): void
}

const dayMs = 86_400_000
/** A token is renewed after this long. */
const freshMs = dayMs / 2
/** A peer is not asked again within this time. */
const againMs = 30_000
const timeoutMs = 10_000
const tokenLengthMax = 128

interface Held {
  readonly nonce: string
  readonly askedMs: number
  readonly token: string | undefined
  readonly sinceMs: number
}

export function createPeerTokens(options: {
  readonly serverHost: ServerName
  readonly houseKey: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly callPeer: CallPeer
  readonly signal: AbortSignal
  readonly peersMax: number
}): PeerTokens {
  const { serverHost, clock, random, callPeer, signal } = options
  const key = createSecretKey(options.houseKey)
  const held = createBoundedMap<ServerName, Held>(options.peersMax)

  const today = () => Math.floor(clock.now() / dayMs)
  const tokenOf = (server: ServerName, day: number) =>
    `${day}.${createHmac('sha256', key).update(`skrepka-peer-v1\0${server}\0${day}`).digest('hex').slice(0, 48)}`
  const isSame = (a: string, b: string) =>
    a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))

  const post = (server: ServerName, path: string, body: object) => {
    const headers = { 'content-type': 'application/json', 'x-skrepka-server': serverHost }
    return callPeer(server, {
      method: 'POST',
      path,
      headers,
      body: JSON.stringify(body),
      timeoutMs,
      signal,
    }).catch(() => undefined)
  }

  return {
    headers: server => {
      const token = held.get(server)?.token
      const named = { 'content-type': 'application/json', 'x-skrepka-server': serverHost }
      return token === undefined ? named : { ...named, 'x-skrepka-token': token }
    },
    isValid: (server, token) => {
      if (token === undefined || token.length > tokenLengthMax || !/^[\x21-\x7e]+$/.test(token)) return false
      // One day ahead: the clock may have been set back since.
      return [today(), today() - 1, today() + 1].some(day => isSame(token, tokenOf(server, day)))
    },
    fetch: async server => {
      const before = held.get(server)
      const nowMs = clock.monotonic()
      if (before !== undefined && nowMs - before.askedMs < againMs) return
      if (before?.token !== undefined && nowMs - before.sinceMs < freshMs) return
      const nonce = Buffer.from(random.bytes(16)).toString('hex')
      held.set(server, { nonce, askedMs: nowMs, token: before?.token, sinceMs: before?.sinceMs ?? nowMs })
      await post(server, askPath, { fromServer: serverHost, nonce })
    },
    forget: server => {
      const before = held.get(server)
      if (before !== undefined) held.set(server, { ...before, token: undefined })
    },
    give: async (server, nonce) => {
      await post(server, tokenPath, {
        fromServer: serverHost,
        nonce,
        token: tokenOf(server, today()),
      })
    },
    take: (server, nonce, token) => {
      const before = held.get(server)
      if (before === undefined || before.nonce === '' || !isSame(nonce, before.nonce)) return
      if (token.length > tokenLengthMax || !/^[\x21-\x7e]+$/.test(token)) return
      held.set(server, { nonce: '', askedMs: before.askedMs, token, sinceMs: clock.monotonic() })
    },
  }
}
