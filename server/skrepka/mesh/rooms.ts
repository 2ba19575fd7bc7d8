/** Builds the mesh's parts, each with what it needs of the others. */
import { createBuckets } from '../middleware/buckets.ts'
import { createBreakers } from './breaker.ts'
import { createContact } from './contact.ts'
import { createDelivery } from './delivery.ts'
import { createComparison } from './digest.ts'
import { createForwardIn } from './forward-in.ts'
import { countAllPending, dropMessage } from './forward-store.ts'
import { createGossipIn } from './gossip-in.ts'
import { createGossipOut } from './gossip-out.ts'
import { createHoldOff } from './hold-off.ts'
import { createBudget, createByteGate } from './limits.ts'
import type { MeshDependencies } from './dependencies.ts'
import { createMeshMetrics } from './metrics.ts'
import { createNameRule } from './names.ts'
import { createPeerTokens } from './peer-token.ts'
import { createPeers } from './peers.ts'
import { createStaging } from './staging.ts'
import { createSweep, type SweepCounts } from './sweep.ts'
import { instanceOf } from './well-known.ts'

/** Strangers get this many times what one of them gets. */
const strangersAtOnce = 16
/** Calls back to strangers in a minute. */
const strangerCallsMax = 60
/** Bytes of mail to peers that are in memory at a time. */
const bytesOutMax = 64 * 1024 * 1024
const hourMs = 3_600_000
const callTimeoutMs = 10_000

export type Rooms = ReturnType<typeof createRooms>

export function createRooms(deps: MeshDependencies, signal: AbortSignal) {
  const { settings, serverHost, clock, random, database, log, callPeer, mailboxes } = deps
  const nameRule = createNameRule({
    serverHost,
    lengthMax: settings.maxServerNameLen,
    ports: settings.federationPorts,
    trusted: settings.seedPeers,
    allow: settings.peersAllow,
    deny: settings.peersDeny,
  })
  const instance = instanceOf(deps.houseKey)
  const peers = createPeers({ settings, nameRule, clock, database })
  const breakerOptions = {
    clock,
    random,
    baseMs: settings.retryBackoffBase,
    capMs: settings.retryBackoffMax,
    forgetMs: settings.forwardFailureMaxAge,
    peersMax: Math.max(1, settings.maxPeers),
  }
  const breakers = { gossip: createBreakers(breakerOptions), mail: createBreakers(breakerOptions) }
  const budget = createBudget({
    clock,
    each: settings.unprovenBytesPerHour,
    all: settings.unprovenBytesPerHour * strangersAtOnce,
    windowMs: hourMs,
  })
  let latest: SweepCounts = { presence: 0, unproven: 0, forwards: 0 }
  const metrics = createMeshMetrics(deps.metrics, { peers, breakers, budget, counts: () => latest })
  const room = {
    left: (proven: boolean) => {
      const all = settings.maxPresence - latest.presence
      return proven ? all : Math.min(all, settings.maxPresence / 2 - latest.unproven)
    },
    took: (proven: boolean) => {
      latest = {
        ...latest,
        presence: latest.presence + 1,
        unproven: latest.unproven + (proven ? 0 : 1),
      }
    },
  }
  const tokens = createPeerTokens({
    serverHost,
    houseKey: deps.houseKey,
    clock,
    random,
    callPeer,
    signal,
    peersMax: Math.max(1, settings.maxPeers),
  })
  const holdOff = createHoldOff(clock)
  const staging = createStaging({ clock, mailboxes, forwardsMax: settings.maxForwardsPerServer })
  const gossip = createGossipOut({
    settings,
    serverHost,
    clock,
    database,
    peers,
    breakers: breakers.gossip,
    callPeer,
    headers: tokens.headers,
    signal,
    log,
    counted: metrics.gossipOut,
  })
  const strangers = createBuckets({ clock, budget: strangerCallsMax, windowMs: 60_000 })
  const contact = createContact({
    serverHost,
    instance,
    clock,
    peers,
    gossip,
    tokens,
    callPeer,
    signal,
    strangers,
    log,
  })
  const delivery = createDelivery({
    settings,
    clock,
    database,
    mailboxes,
    peers,
    staging,
    holdOff,
    breakers: breakers.mail,
    budget,
    gate: createByteGate(bytesOutMax),
    call: {
      callPeer,
      headers: tokens.headers,
      forbidden: tokens.forget,
      timeoutMs: callTimeoutMs,
      signal,
    },
    log,
    counted: metrics.forwardOut,
  })
  const gossipIn = createGossipIn({ settings, clock, database, mailboxes, peers, staging, holdOff, room })
  const forwardIn = createForwardIn({ clock, database, mailboxes })
  const compare = createComparison({
    clock,
    direct: database.direct,
    peers,
    gossip,
    breakers: breakers.gossip,
    keysMax: settings.maxPresencePerPeer,
    log,
  })
  const sweep = createSweep({
    compare,
    tokens,
    settings,
    clock,
    database,
    mailboxes,
    peers,
    gossip,
    contact,
    delivery,
    log,
    counted: counts => {
      latest = counts
    },
  })
  return {
    nameRule,
    instance,
    peers,
    breakers,
    staging,
    gossip,
    contact,
    delivery,
    tokens,
    strangers,
    gossipIn,
    forwardIn,
    sweep,
    metrics,
    forget: async (tx: Parameters<typeof dropMessage>[0], box: number, seqs: readonly number[]) => {
      for (const seq of seqs) await dropMessage(tx, box, seq)
    },
    counts: async () => ({ peers: peers.size(), forwards: await countAllPending(database.direct) }),
  }
}
