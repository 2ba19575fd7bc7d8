/** Calls a peer back: is there a relay behind the name, is it somebody else than we, and what can it do? */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { CallPeer, ServerName } from '../contract.ts'
import type { Buckets } from '../middleware/buckets.ts'
import type { GossipOut } from './gossip-out.ts'
import { type PeerTokens, tokenFeature } from './peer-token.ts'
import type { Peers } from './peers.ts'
import { wellKnownPath } from './well-known.ts'
import { answerFields } from './wire.ts'

export interface Contact {
  /** Calls a peer unless that was done just now. Gives whether a relay was found. */
  look(server: ServerName): Promise<boolean>
  idle(): Promise<void>
}

export interface ContactOptions {
  readonly serverHost: ServerName
  /** What our own well-known says; another relay that says it is this one under another name. */
  readonly instance: string
  readonly clock: Clock
  readonly peers: Peers
  readonly gossip: Pick<GossipOut, 'post'>
  readonly tokens: Pick<PeerTokens, 'fetch'>
  readonly callPeer: CallPeer
  readonly signal: AbortSignal
  /** How often strangers are called in all. */
  readonly strangers: Buckets
  readonly log: Logger
}

const timeoutMs = 10_000
/** A peer that was not found is not looked for again within this time: a stranger, and one that was shown to be a relay. */
const strangerAgainMs = 300_000
const againMs = 15_000
const looksAtOnceMax = 8
const namesMax = 2000
const featuresMax = 16

export function createContact(options: ContactOptions): Contact {
  const { serverHost, instance, clock, peers, gossip, tokens, callPeer, signal, strangers, log } = options
  const lookedMs = new Map<ServerName, number>()
  const underWay = new Map<ServerName, Promise<boolean>>()

  /** Old peers have no well-known; an empty batch of events is answered by every relay, and by nothing else. */
  const greet = async (server: ServerName): Promise<boolean> => {
    const answer = await gossip.post(server, [])
    if (answer?.status !== 200 || 'error' in answerFields(answer)) return false
    await peers.reached(server, [])
    return true
  }

  const call = async (server: ServerName): Promise<boolean> => {
    const headers = { 'x-skrepka-server': serverHost }
    const asked = { method: 'GET', path: wellKnownPath, headers, timeoutMs, signal } as const
    const answer = await callPeer(server, asked).catch(() => undefined)
    if (answer === undefined) return false
    const fields = answer.status === 200 ? answerFields(answer) : {}
    if (fields['instance'] === instance) {
      log.warn({ server }, 'a peer is this relay itself under another name: it is not federated with')
      await peers.ban(server)
      return false
    }
    if (fields['name'] !== server) return await greet(server)
    const features = Array.isArray(fields['features']) ? fields['features'] : []
    const named = features.filter(
      (one): one is string => typeof one === 'string' && /^[a-z0-9-]{1,32}$/.test(one),
    )
    await peers.reached(server, named.slice(0, featuresMax))
    if (named.includes(tokenFeature)) await tokens.fetch(server)
    return true
  }

  const remember = (server: ServerName) => {
    lookedMs.delete(server)
    lookedMs.set(server, clock.monotonic())
    for (const oldest of lookedMs.keys()) {
      if (lookedMs.size <= namesMax) break
      lookedMs.delete(oldest)
    }
  }

  return {
    look: server => {
      const current = underWay.get(server)
      if (current !== undefined) return current
      const atMs = lookedMs.get(server)
      const isStranger = !peers.isSeed(server) && !peers.isProven(server)
      const pauseMs = isStranger ? strangerAgainMs : againMs
      const isRecent = atMs !== undefined && clock.monotonic() - atMs < pauseMs
      if (signal.aborted || isRecent || underWay.size >= looksAtOnceMax) return Promise.resolve(false)
      if (isStranger && strangers.take('') > 0) return Promise.resolve(false)
      remember(server)
      const looking = call(server)
        .catch((error: unknown) => {
          log.error({ error, server }, 'a peer could not be looked at')
          return false
        })
        .finally(() => underWay.delete(server))
      underWay.set(server, looking)
      return looking
    },
    idle: async () => {
      await Promise.all(underWay.values())
    },
  }
}
