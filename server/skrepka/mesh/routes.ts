/** What peers ask of this relay: decodes, guards, hands on, translates. */
import type { RelayAnswer, RelayRequest, ServerName } from '../contract.ts'
import {
  answerEmpty,
  answerError,
  answerJson,
  answerLater,
  answerLimited,
  WireFault,
} from '../http/answers.ts'
import { createBuckets } from '../middleware/buckets.ts'
import type { Bringer } from './forward-in.ts'
import { callerOf } from './limits.ts'
import { agrees } from './digest.ts'
import type { MeshDependencies } from './dependencies.ts'
import { askPath, tokenPath } from './peer-token.ts'
import type { Rooms } from './rooms.ts'
import { wellKnownAnswer, wellKnownPath } from './well-known.ts'
import {
  type ForwardResult,
  type Gossip,
  readForward,
  readForwardBatch,
  readGossip,
  readTexts,
} from './wire.ts'

type Handler = (request: RelayRequest) => Promise<RelayAnswer>

/** Answers the routes of the mesh; undefined for all others. */
export function createRoutes(
  deps: MeshDependencies,
  rooms: Rooms,
): (request: RelayRequest) => Promise<RelayAnswer | undefined> {
  const { settings, serverHost, clock } = deps
  const { tokens, peers, gossipIn, forwardIn, contact, delivery, gossip, breakers, nameRule, metrics } = rooms
  const bucketsOf = (budget: number) => createBuckets({ clock, budget, windowMs: settings.rateLimitWindow })
  const gossipLimit = bucketsOf(settings.gossipRateLimit)
  const forwardLimit = bucketsOf(settings.forwardRateLimit)
  const blobLengthMax = settings.maxBlobLen

  const isPeer = (name: string) => nameRule(name) && !peers.isBanned(name)

  const takeGossip: Handler = async request => {
    const batch = readGossip(request.body, settings.maxServerNameLen)
    const waitMs = gossipLimit.take(callerOf(request.address))
    if (waitMs > 0) {
      metrics.gossipIn('limited', 0)
      return answerLimited(waitMs)
    }
    if (!isPeer(batch.fromServer) || batch.events.length > settings.maxGossipEvents) {
      metrics.gossipIn('refused', 0)
      return answerError(400, 'invalid_request')
    }
    const outcome = await gossipIn(batch, isItself(request, batch.fromServer))
    metrics.gossipIn('taken', outcome.refusedProofs)
    afterGossip(batch.fromServer, outcome)
    return (await isComplete(batch)) ? answerEmpty : answerJson(200, '{"want":"account"}')
  }

  /** Whether what is known of the peer is what it says; also when it says nothing, or is none that we know. */
  const isComplete = async ({ fromServer: server, have }: Gossip): Promise<boolean> => {
    if (have === undefined || !peers.has(server)) return true
    const keysMax = settings.maxPresencePerPeer
    return await agrees(deps.database.direct, { server, have, nowMs: clock.now(), keysMax })
  }

  const afterGossip = (server: ServerName, outcome: Awaited<ReturnType<typeof gossipIn>>) => {
    if (outcome.proven) {
      breakers.gossip.hint(server)
      breakers.mail.hint(server)
    }
    if (outcome.planned && (outcome.proven || peers.mayGetUnproven(server))) delivery.deliver(server)
    const mayLook = outcome.proven || (settings.federationPolicy !== 'require' && peers.has(server))
    if (!mayLook || !peers.toReach().includes(server)) {
      if (outcome.isNew && peers.told().includes(server)) gossip.introduce(server)
      return
    }
    // It is told who is here as soon as we know that it is a relay, and gets what was planned.
    void contact.look(server).then(found => {
      if (!found) return
      if (peers.told().includes(server)) gossip.introduce(server)
      delivery.deliver(server)
    })
  }

  const bringerOf = (request: RelayRequest): Bringer => {
    const claimed = request.header('x-skrepka-server')
    const known = claimed !== undefined && isPeer(claimed) && peers.has(claimed)
    const proven = claimed !== undefined && isPeer(claimed) && isItself(request, claimed)
    return { claimed: known || proven ? claimed : undefined, proven, address: callerOf(request.address) }
  }

  /** Whether a caller shows that it is who it says. */
  const isItself = (request: RelayRequest, server: ServerName) =>
    request.header('x-skrepka-server') === server && tokens.isValid(server, request.header('x-skrepka-token'))

  const isOurOwn = (request: RelayRequest) => request.header('x-skrepka-server') === serverHost

  /** Where only proofs count, mail comes only from peers that show who they are. */
  const mayBring = (from: Bringer) => settings.federationPolicy !== 'require' || from.proven

  const giveToken: Handler = async request => {
    const { fromServer, nonce } = readTexts(request.body, ['fromServer', 'nonce'])
    const waitMs = gossipLimit.take(callerOf(request.address))
    if (waitMs > 0) return answerLimited(waitMs)
    if (!isPeer(fromServer)) return answerError(400, 'invalid_request')
    const strangeMs = peers.has(fromServer) ? 0 : rooms.strangers.take('')
    if (strangeMs > 0) return answerLimited(strangeMs)
    await tokens.give(fromServer, nonce)
    return answerEmpty
  }

  const takeToken: Handler = async request => {
    const { fromServer, nonce, token } = readTexts(request.body, ['fromServer', 'nonce', 'token'])
    // One that comes twice, or after a restart, is thrown away like one that nobody asked for.
    tokens.take(fromServer, nonce, token)
    return answerEmpty
  }

  const takeForward: Handler = async request => {
    const message = readForward(request.body, blobLengthMax)
    const waitMs = forwardLimit.take(callerOf(request.address))
    if (waitMs > 0) return answerLimited(waitMs)
    if (isOurOwn(request)) return answerError(400, 'invalid_request')
    const from = bringerOf(request)
    if (!mayBring(from)) return answerError(403, 'proof_required')
    const [result] = await forwardIn([message], from)
    const status = result?.status ?? 'no_presence'
    metrics.forwardIn(status, 1)
    if (status === 'no_presence') return answerError(404, 'no_presence')
    if (status === 'mailbox_full') return answerLater(429, 'mailbox_full', result?.retryAfterMs ?? 0)
    return answerEmpty
  }

  const takeForwards: Handler = async request => {
    const waitMs = forwardLimit.take(callerOf(request.address))
    if (waitMs > 0) return answerLimited(waitMs)
    const messages = readForwardBatch(request.body, { blobLengthMax, batchMax: settings.maxBatchSize })
    if (isOurOwn(request)) return answerError(400, 'invalid_request')
    const from = bringerOf(request)
    if (!mayBring(from)) return answerError(403, 'proof_required')
    const results = await forwardIn(messages, from)
    for (const { status } of results) metrics.forwardIn(status, 1)
    return answerJson(200, JSON.stringify({ results: results.map(shown) }))
  }

  const routes: Readonly<Record<string, Handler>> = {
    'POST /federation/gossip': takeGossip,
    'POST /federation/forward': takeForward,
    'POST /skrepka/forward': takeForwards,
    [`POST ${askPath}`]: giveToken,
    [`POST ${tokenPath}`]: takeToken,
  }

  return async request => {
    const path = `/${request.path.split('/').filter(Boolean).join('/')}`
    if (request.method === 'GET' && path === wellKnownPath) {
      return wellKnownAnswer({ settings, serverHost, instance: rooms.instance, peers })
    }
    const handler = routes[`${request.method} ${path}`]
    if (handler === undefined) return undefined
    if (!settings.federationEnabled) return answerError(403, 'federation_disabled')
    try {
      return await handler(request)
    } catch (error) {
      if (error instanceof WireFault) return error.answer
      throw error
    }
  }
}

function shown({ status, retryAfterMs }: ForwardResult): ForwardResult {
  return retryAfterMs === undefined ? { status } : { retryAfterMs, status }
}
