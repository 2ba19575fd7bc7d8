/**
 * The seed's server as a small model: exact in what it answers, also where that is a weakness. It has no sockets: it is
 * a `Relay`, as ours, so that the same suite and the same worlds run on both. Its state is its disk.
 */
import { createPublicKey, verify } from 'node:crypto'
import type { Clock } from '../../server/kernel/clock.ts'
import type { Random } from '../../server/kernel/random.ts'
import type {
  CallPeer,
  KeyHex,
  Relay,
  RelayAnswer,
  RelayRequest,
  ServerName,
} from '../../server/skrepka/contract.ts'
import type { SeedConstants } from './seed-constants.ts'
import { createSeedMesh } from './seed-mesh.ts'
import { capForKey, keepNewest, type SeedState } from './seed-state.ts'
import { answerError, answerJson, decodeSeedRequest, type SeedBody, takeToken } from './seed-wire.ts'

export interface SeedRelayDependencies {
  readonly constants: SeedConstants
  readonly serverHost: ServerName
  readonly clock: Clock
  readonly random: Random
  readonly callPeer: CallPeer
  readonly state: SeedState
}

interface Waiter {
  readonly cursor: number
  readonly wake: () => void
}

/** A relay that behaves as the seed's server does, on `state`. */
export function createSeedRelay(deps: SeedRelayDependencies): Relay {
  const { constants, serverHost, clock, random, state } = deps
  const stopped = new AbortController()
  const waiters = new Map<KeyHex, Set<Waiter>>()
  const now = () => clock.now()

  const append = (toKey: KeyHex, encryptedBlob: string, t: number) => {
    const receivedAt = Math.max(t, state.seqCounter + 1)
    state.seqCounter = receivedAt
    const commit = () => {
      state.messages.push({ toKey, encryptedBlob, receivedAt, deliveredTo: new Set() })
      for (const waiter of waiters.get(toKey) ?? []) if (receivedAt > waiter.cursor) waiter.wake()
    }
    const delayMs = constants.appendDelayMs(random)
    if (delayMs === 0) commit()
    else clock.after(delayMs, commit)
  }
  const mesh = createSeedMesh({
    constants,
    serverHost,
    state,
    now,
    callPeer: deps.callPeer,
    signal: stopped.signal,
    append,
  })
  const token = () => Array.from({ length: 48 }, () => random.integer(16).toString(16)).join('')
  const announce = (peers: readonly ServerName[], pubkey: KeyHex) => {
    if (constants.federationEnabled) void mesh.gossipTo(peers, [{ eventType: 'online', pubkey }])
  }
  const refreshPresence = (pubkey: KeyHex, expiresAt: number): ServerName[] => {
    const peers = mesh.peers()
    state.presence = state.presence.filter(one => one.pubkey !== pubkey || one.server !== serverHost)
    state.presence.push({ pubkey, server: serverHost, expiresAt })
    return peers
  }
  const sessionOf = (authorization: string, t: number, ip: string): KeyHex | undefined => {
    if (!authorization.startsWith('Bearer ')) return undefined
    const given = authorization.slice('Bearer '.length)
    return state.sessions.find(
      one => one.expiresAt > t && one.token === given && (one.ip === '' || one.ip === ip),
    )?.pubkey
  }

  const challenge = ({ pubkey }: SeedBody, ip: string): RelayAnswer => {
    const t = now()
    const live = state.challenges.filter(one => one.expiresAt > t)
    const kept = capForKey(live, pubkey, constants.maxChallengesPerKey)
    if (kept.length >= constants.maxChallenges) return answerError(503, 'capacity')
    const made = { pubkey, challenge: token(), expiresAt: t + constants.challengeExpiry, ip }
    state.challenges = [...kept, made]
    return answerJson(200, { challenge: made.challenge, expiresAt: made.expiresAt })
  }

  const verifyAuth = (body: SeedBody, ip: string): RelayAnswer => {
    const t = now()
    const { pubkey } = body
    const signed = isSigned(body)
    if (signed === undefined) return answerError(500, 'not a point on the curve')
    const isSame = (one: { pubkey: KeyHex; challenge: string }) =>
      one.pubkey === pubkey && one.challenge === body.challenge
    const known = state.challenges.some(
      one => isSame(one) && one.expiresAt > t && (one.ip === '' || one.ip === ip),
    )
    if (!known || !signed) return answerError(401, 'invalid')
    state.challenges = state.challenges.filter(one => !isSame(one))
    const others = body.revokeOthers
      ? state.sessions.filter(one => one.pubkey !== pubkey)
      : capForKey(state.sessions, pubkey, constants.maxSessionsPerKey)
    const session = { token: token(), pubkey, expiresAt: t + constants.sessionExpiry, ip }
    state.sessions = keepNewest([...others, session], constants.maxSessions)
    announce(refreshPresence(pubkey, session.expiresAt), pubkey)
    return answerJson(200, { token: session.token, expiresAt: session.expiresAt })
  }

  const page = (pubkey: KeyHex, cursor: number) => {
    const t = now()
    const fresh = state.messages
      .filter(
        one =>
          one.toKey === pubkey && t - one.receivedAt < constants.messageMaxAge && one.receivedAt > cursor,
      )
      .toSorted((a, b) => a.receivedAt - b.receivedAt)
      .slice(0, constants.maxPollEvents)
    // A page is a set: equal blobs are one event.
    const blobs = [...new Set(fresh.map(one => one.encryptedBlob))]
    return {
      events: blobs.map(encryptedBlob => ({ encryptedBlob })),
      cursor: fresh.reduce((last, one) => Math.max(last, one.receivedAt), cursor),
    }
  }
  const ack = (pubkey: KeyHex, cursor: number) => {
    const acked = new Set(
      state.messages
        .filter(one => one.toKey === pubkey && one.receivedAt <= cursor)
        .map(one => one.encryptedBlob),
    )
    state.messages = state.messages.filter(one => one.toKey !== pubkey || one.receivedAt > cursor)
    state.forwards = state.forwards.filter(one => one.toKey !== pubkey || !acked.has(one.encryptedBlob))
  }
  const waitForMail = (pubkey: KeyHex, cursor: number) =>
    new Promise<void>(resolve => {
      const parked = waiters.get(pubkey) ?? new Set()
      waiters.set(pubkey, parked)
      const end = () => {
        cancel()
        parked.delete(waiter)
        if (parked.size === 0) waiters.delete(pubkey)
        resolve()
      }
      const cancel = clock.after(constants.pollTimeoutMs, end)
      const waiter: Waiter = { cursor, wake: end }
      parked.add(waiter)
    })
  const poll = async (body: SeedBody, authorization: string, ip: string): Promise<RelayAnswer> => {
    const t = now()
    const pubkey = sessionOf(authorization, t, ip)
    if (pubkey === undefined) return answerError(401, 'unauthorized')
    const cursor = Math.max(0, Math.min(t, body.cursor))
    if (cursor > 0) ack(pubkey, cursor)
    const isFresh = state.presence.some(
      one =>
        one.pubkey === pubkey &&
        one.server === serverHost &&
        one.expiresAt - t >= constants.sessionExpiry / 2,
    )
    if (!isFresh) announce(refreshPresence(pubkey, t + constants.sessionExpiry), pubkey)
    const first = page(pubkey, cursor)
    if (first.events.length > 0) return answerJson(200, first)
    await waitForMail(pubkey, cursor)
    return answerJson(200, page(pubkey, cursor))
  }

  const send = ({ messages }: SeedBody, authorization: string, ip: string): RelayAnswer => {
    const t = now()
    const sender = sessionOf(authorization, t, ip)
    if (sender === undefined) return answerError(401, 'unauthorized')
    if (messages.length > constants.maxBatchSize) return answerError(413, 'batch_too_large')
    if (messages.some(one => one.to === sender)) return answerError(400, 'self_send')
    const staged = messages.map(one => {
      const rows = state.presence.filter(row => row.pubkey === one.to && row.expiresAt > t)
      return {
        ...one,
        servers: [...new Set(rows.map(row => row.server))].filter(name => name !== serverHost),
      }
    })
    for (const { to, encryptedBlob, servers } of staged) {
      append(to, encryptedBlob, t)
      if (!constants.federationEnabled) continue
      for (const toServer of servers) {
        const known = state.forwards.some(
          one => one.encryptedBlob === encryptedBlob && one.toServer === toServer,
        )
        if (!known) state.forwards.push({ toServer, toKey: to, encryptedBlob, retries: 0 })
      }
    }
    if (constants.federationEnabled)
      for (const { to, encryptedBlob, servers } of staged) void mesh.forwardTo(to, encryptedBlob, servers)
    return answerJson(200, {})
  }

  const prune = () => {
    const t = now()
    state.challenges = state.challenges.filter(one => one.expiresAt > t)
    state.sessions = state.sessions.filter(one => one.expiresAt > t)
    state.messages = state.messages.filter(one => t - one.receivedAt < constants.messageMaxAge)
    for (const [server, { failedAt }] of state.failures)
      if (t - failedAt >= constants.forwardFailureMaxAge) state.failures.delete(server)
    const expired = state.presence.filter(one => one.expiresAt <= t && one.server === serverHost)
    state.presence = state.presence.filter(one => one.expiresAt > t)
    const events = expired.map(({ pubkey }) => ({ eventType: 'offline', pubkey }))
    if (constants.federationEnabled) void mesh.gossipTo(mesh.peers(), events)
  }
  const loopForEver = async (work: () => Promise<void> | void): Promise<void> => {
    while (!stopped.signal.aborted) {
      await work()
      await new Promise<void>(resolve => void clock.after(constants.backgroundPruneInterval, resolve))
    }
  }

  const limit = (name: string, by: string, budget: number) =>
    takeToken(state.buckets, `${name} ${by}`, {
      budget,
      windowMs: constants.rateLimitWindow,
      nowMs: now(),
    })

  const answer = async (request: RelayRequest): Promise<RelayAnswer> => {
    const decoded = decodeSeedRequest(request, constants)
    if ('refused' in decoded) return decoded.refused
    const { route, body } = decoded
    const ip = request.header('x-forwarded-for') ?? ''
    const authorization = request.header('authorization') ?? ''
    switch (route) {
      case '/auth/challenge':
        return limit(route, body.pubkey, constants.authRateLimit) ?? challenge(body, ip)
      case '/auth/verify':
        return limit(route, body.pubkey, constants.authRateLimit) ?? verifyAuth(body, ip)
      case '/poll':
        return limit(route, authorization, constants.pollRateLimit) ?? poll(body, authorization, ip)
      case '/messages':
        return limit(route, authorization, constants.sendRateLimit) ?? send(body, authorization, ip)
      case '/federation/gossip':
        return limit(route, request.address, constants.gossipRateLimit) ?? mesh.receiveGossip(body)
      case '/federation/forward':
        return limit(route, request.address, constants.forwardRateLimit) ?? mesh.receiveForward(body)
    }
  }

  return {
    answer,
    start: async () => {
      void loopForEver(prune)
      if (constants.federationEnabled) void loopForEver(mesh.retryForwards)
    },
    stop: async () => stopped.abort(),
    counts: async () => ({
      mailboxes: new Set(state.messages.map(one => one.toKey)).size,
      pending: state.messages.length,
      waiters: [...waiters.values()].reduce((sum, parked) => sum + parked.size, 0),
      peers: mesh.peers().length,
      forwards: state.forwards.length,
    }),
  }
}

const keyPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** Whether the signature over the challenge's text holds; undefined when the key is no key. */
function isSigned({ pubkey, challenge, signature }: SeedBody): boolean | undefined {
  try {
    const der = Buffer.concat([keyPrefix, Buffer.from(pubkey, 'hex')])
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
    return verify(null, Buffer.from(challenge), key, Buffer.from(signature, 'hex'))
  } catch {
    return undefined
  }
}
