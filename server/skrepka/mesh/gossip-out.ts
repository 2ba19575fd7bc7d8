/**
 * Tells peers who is online here. What changed is looked up when it is told, so that only what is committed is said; a
 * peer that is not reached is told the newest of each key later, and everything again when it comes back.
 */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import type { CallPeer, KeyHex, PeerAnswer, ServerName } from '../contract.ts'
import type { Breakers } from './breaker.ts'
import type { MeshSettings } from './config.ts'
import { ownServer, presenceAt, type Presence, presentHere } from './presence-store.ts'
import { proofAgeMsMax } from './proof.ts'
import type { Peers } from './peers.ts'
import { eventJson, type GossipEvent } from './wire.ts'

export interface GossipOut {
  /** These keys came or went; peers hear of it after a moment. */
  changed(keys: readonly KeyHex[]): void
  /** A peer that knows nothing of this relay yet: it hears of everybody who is online here. */
  introduce(server: ServerName): void
  /** Tells whom it could not tell before. */
  retry(): void
  /** Sends events now and gives the peer's answer; undefined: there was none. Its breaker is told. */
  post(server: ServerName, events: readonly GossipEvent[], more?: object): Promise<PeerAnswer | undefined>
  idle(): Promise<void>
}

export interface GossipOutOptions {
  readonly settings: MeshSettings
  readonly serverHost: ServerName
  readonly clock: Clock
  readonly database: Database
  readonly peers: Peers
  readonly breakers: Breakers
  readonly callPeer: CallPeer
  /** Who we are, for that peer. */
  readonly headers: (server: ServerName) => Record<string, string>
  readonly signal: AbortSignal
  readonly log: Logger
  readonly counted: (outcome: 'told' | 'failed', events: number) => void
}

/** Changes of a moment travel together; the transactions that made them are committed by then. */
const gatherMs = 100
/** Keys whose change is not told yet. What is beyond is told by the next full account. */
const changedMax = 20_000
/** Peers that are told at the same time. */
const peersAtOnceMax = 16
const timeoutMs = 10_000
/** Calls of a full account that follow at once; then they keep to what a peer takes in a minute. */
const burstMax = 20
const paceMs = 1500

interface Outbox {
  /** The newest event of each key. */
  readonly events: Map<KeyHex, GossipEvent>
  /** Where a full account stands: keys up to this one were told. Undefined: none is due. */
  account: KeyHex | undefined
  calls: number
}

export function createGossipOut(options: GossipOutOptions): GossipOut {
  const { settings, serverHost, clock, database, peers, breakers, callPeer, signal, log, counted } = options
  const changed = new Set<KeyHex>()
  const outboxes = new Map<ServerName, Outbox>()
  const waiting = new Set<ServerName>()
  const running = new Set<ServerName>()
  let isGathering = false
  let gathering = Promise.resolve()
  let wakeIdle: (() => void)[] = []

  const outboxOf = (server: ServerName): Outbox => {
    const known = outboxes.get(server)
    if (known !== undefined) return known
    const outbox: Outbox = { events: new Map(), account: undefined, calls: 0 }
    outboxes.set(server, outbox)
    return outbox
  }

  const eventFor = (key: KeyHex, presence: Presence | undefined): GossipEvent => {
    const nowMs = clock.now()
    if (presence === undefined || presence.expiresAt <= nowMs)
      return { kind: 'offline', key, proof: undefined }
    const fresh = presence.proofAt !== undefined && nowMs - presence.proofAt < proofAgeMsMax
    return { kind: 'online', key, proof: fresh ? presence.proof : undefined }
  }

  const gather = async (): Promise<void> => {
    const keys = [...changed]
    changed.clear()
    const told = peers.told()
    if (told.length === 0) return
    for (const key of keys) {
      const event = eventFor(key, await presenceAt(database.direct, ownServer, key))
      for (const server of told) {
        const { events } = outboxOf(server)
        events.delete(key)
        events.set(key, event)
      }
    }
    for (const server of told) {
      const outbox = outboxOf(server)
      if (outbox.events.size > settings.maxPresencePerPeer) {
        outbox.events.clear()
        outbox.account = ''
      }
      start(server)
    }
  }

  const post = async (
    server: ServerName,
    events: readonly GossipEvent[],
    more: object = {},
  ): Promise<PeerAnswer | undefined> => {
    const tagged = settings.taggedPeers.includes(server)
    const shown = events.map(event => eventJson(event, tagged))
    const body = JSON.stringify({ events: shown, fromServer: serverHost, ...more })
    const headers = options.headers(server)
    const path = '/federation/gossip'
    const answer = await callPeer(server, { method: 'POST', path, headers, body, timeoutMs, signal }).catch(
      () => undefined,
    )
    const isGood = answer !== undefined && answer.status >= 200 && answer.status < 300
    if (isGood) {
      // Whoever was away may have missed more than what waited here.
      if (breakers.succeeded(server)) outboxOf(server).account ??= ''
    } else {
      const asked = answer?.retryAfterMs ?? (answer?.status === 429 ? settings.retryBackoffBase : undefined)
      breakers.failed(server, asked)
    }
    counted(isGood ? 'told' : 'failed', events.length)
    return answer
  }

  /** The next events for a peer: what waits, and then where its full account goes on. */
  const nextPage = async (outbox: Outbox): Promise<readonly GossipEvent[]> => {
    const limit = settings.maxGossipEvents
    const page = [...outbox.events.values()].slice(0, limit)
    for (const event of page) outbox.events.delete(event.key)
    if (page.length > 0 || outbox.account === undefined) return page
    const rows = await presentHere(database.direct, { after: outbox.account, limit, nowMs: clock.now() })
    outbox.account = rows.length < limit ? undefined : rows.at(-1)?.key
    return rows.map(row => eventFor(row.key, row))
  }

  const tell = async (server: ServerName): Promise<void> => {
    const outbox = outboxOf(server)
    outbox.calls = 0
    while (!signal.aborted && (outbox.events.size > 0 || outbox.account !== undefined)) {
      if (breakers.ask(server) === 'wait') return
      const account = outbox.account
      const page = await nextPage(outbox)
      if (page.length === 0) {
        breakers.release(server)
        continue
      }
      const answer = await post(server, page)
      if (answer === undefined || answer.status >= 300) {
        // What changed meanwhile is newer than what comes back.
        for (const event of page) if (!outbox.events.has(event.key)) outbox.events.set(event.key, event)
        outbox.account = account
        return
      }
      outbox.calls += 1
      if (outbox.calls >= burstMax) await pause(paceMs)
    }
  }

  const pause = (ms: number): Promise<void> =>
    new Promise(resolve => {
      const done = () => {
        cancel()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const cancel = clock.after(ms, done)
      signal.addEventListener('abort', done)
      if (signal.aborted) done()
    })

  const start = (server: ServerName) => {
    if (!running.has(server)) waiting.add(server)
    for (const next of waiting) {
      if (running.size >= peersAtOnceMax || signal.aborted) return
      waiting.delete(next)
      running.add(next)
      void tell(next)
        .catch((error: unknown) => {
          breakers.release(next)
          log.error({ error, server: next }, 'a peer could not be told of presence')
        })
        .then(() => {
          running.delete(next)
          const outbox = outboxes.get(next)
          if (outbox !== undefined && outbox.events.size === 0 && outbox.account === undefined)
            outboxes.delete(next)
          const [other] = waiting
          if (other !== undefined) start(other)
          if (running.size === 0) for (const wake of wakeIdle.splice(0)) wake()
        })
    }
  }

  return {
    changed: keys => {
      if (signal.aborted) return
      for (const key of keys) {
        if (changed.size < changedMax) changed.add(key)
        else for (const server of peers.told()) outboxOf(server).account ??= ''
      }
      if (isGathering) return
      isGathering = true
      clock.after(gatherMs, () => {
        isGathering = false
        if (signal.aborted) return
        gathering = gathering
          .then(gather)
          .catch((error: unknown) => log.error({ error }, 'presence could not be looked up for peers'))
      })
    },
    introduce: server => {
      outboxOf(server).account ??= ''
      start(server)
    },
    retry: () => {
      for (const server of [...outboxes.keys()].toSorted()) {
        if (peers.isBanned(server) || !peers.told().includes(server)) outboxes.delete(server)
        else start(server)
      }
    },
    post,
    idle: async () => {
      await gathering
      if (running.size > 0) await new Promise<void>(resolve => wakeIdle.push(resolve))
    },
  }
}
