/** How the seed's server speaks to its peers: gossip, forwards, retries, backoff. One thing after the other, as it does. */
import type { CallPeer, KeyHex, RelayAnswer, ServerName } from '../../server/skrepka/contract.ts'
import type { SeedConstants } from './seed-constants.ts'
import type { SeedForward, SeedState } from './seed-state.ts'
import { answerError, answerJson, type SeedBody, type SeedEvent } from './seed-wire.ts'

/** What a call of the seed's server waits for an answer. */
const callMs = 30_000

export interface SeedMeshDependencies {
  readonly constants: SeedConstants
  readonly serverHost: ServerName
  readonly state: SeedState
  readonly now: () => number
  readonly callPeer: CallPeer
  readonly signal: AbortSignal
  readonly append: (toKey: KeyHex, encryptedBlob: string, now: number) => void
}

export interface SeedMesh {
  gossipTo(servers: readonly ServerName[], events: readonly SeedEvent[]): Promise<void>
  forwardTo(toKey: KeyHex, encryptedBlob: string, servers: readonly ServerName[]): Promise<void>
  retryForwards(): Promise<void>
  receiveGossip(body: SeedBody): RelayAnswer
  receiveForward(body: SeedBody): RelayAnswer
  /** Every server but this one that the presence list names. */
  peers(): ServerName[]
}

/** The deny-list of the seed, with its holes. */
export function isBadServerName(name: string): boolean {
  return (
    name === '' ||
    name === 'localhost' ||
    /[^0-9a-z\-.:]/.test(name) ||
    name.split(':').length > 2 ||
    ['.', ':', '[', '127.', '10.', '192.168.', '169.254.', '0.'].some(prefix => name.startsWith(prefix)) ||
    ['.localhost', '.local', '.internal', '.arpa', '.onion'].some(suffix => name.endsWith(suffix))
  )
}

export function createSeedMesh(deps: SeedMeshDependencies): SeedMesh {
  const { constants, serverHost, state, now, append } = deps
  const remote = (servers: Iterable<ServerName>) => [...new Set(servers)].filter(one => one !== serverHost)

  const post = async (server: ServerName, path: string, body: unknown): Promise<boolean> => {
    try {
      const answer = await deps.callPeer(server, {
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        timeoutMs: callMs,
        signal: deps.signal,
      })
      return answer.status < 400
    } catch {
      return false // whatever it was: the seed counts it as a failure of the peer
    }
  }
  const recordFailure = (server: ServerName) => {
    const failures = (state.failures.get(server)?.failures ?? 0) + 1
    state.failures.set(server, { failedAt: now(), failures })
  }
  const mayCall = (server: ServerName) => {
    const failure = state.failures.get(server)
    if (failure === undefined) return true
    const backoffMs = Math.min(constants.retryBackoffMax, constants.retryBackoffBase * failure.failures)
    return now() - failure.failedAt >= backoffMs
  }
  const forwardOne = async (server: ServerName, toKey: KeyHex, encryptedBlob: string): Promise<boolean> => {
    const delivered = await post(server, '/federation/forward', { toKey, encryptedBlob })
    if (!delivered) {
      recordFailure(server)
      return false
    }
    state.failures.delete(server)
    for (const message of state.messages)
      if (message.toKey === toKey && message.encryptedBlob === encryptedBlob) message.deliveredTo.add(server)
    return true
  }
  const isSame = (server: ServerName, blob: string) => (one: SeedForward) =>
    one.toServer === server && one.encryptedBlob === blob

  const stageQueued = (pubkey: KeyHex, server: ServerName) => {
    const existing = state.forwards.filter(one => one.toServer === server)
    const known = new Set(existing.map(one => one.encryptedBlob))
    const candidates = state.messages
      .filter(one => one.toKey === pubkey && !known.has(one.encryptedBlob) && !one.deliveredTo.has(server))
      .toSorted((a, b) => a.receivedAt - b.receivedAt)
      .slice(0, Math.max(0, constants.maxForwardsPerServer - existing.length))
    for (const { toKey, encryptedBlob } of candidates)
      state.forwards.push({ toServer: server, toKey, encryptedBlob, retries: 0 })
  }

  return {
    peers: () => remote(state.presence.map(one => one.server)),
    gossipTo: async (servers, events) => {
      if (events.length === 0) return
      const willing = remote(servers).filter(mayCall)
      for (const server of willing) {
        if (await post(server, '/federation/gossip', { events, fromServer: serverHost }))
          state.failures.delete(server)
        else recordFailure(server)
      }
    },
    forwardTo: async (toKey, encryptedBlob, servers) => {
      for (const server of servers) {
        if (await forwardOne(server, toKey, encryptedBlob))
          state.forwards = state.forwards.filter(one => !isSame(server, encryptedBlob)(one))
      }
    },
    retryForwards: async () => {
      const all = [...state.forwards]
      for (const server of remote(all.map(one => one.toServer)).filter(mayCall)) {
        const batch = all.filter(one => one.toServer === server).slice(0, constants.maxBatchSize)
        for (const { toKey, encryptedBlob } of batch) {
          const delivered = await forwardOne(server, toKey, encryptedBlob)
          const is = isSame(server, encryptedBlob)
          state.forwards = state.forwards.filter(
            one => !(is(one) && (delivered || one.retries + 1 >= constants.maxForwardRetries)),
          )
          for (const one of state.forwards) if (is(one)) one.retries += 1
        }
      }
    },
    receiveGossip: ({ events, fromServer }) => {
      const t = now()
      const tooMany = events.length > constants.maxGossipEvents
      if (fromServer === serverHost || isBadServerName(fromServer) || tooMany)
        return answerError(400, 'invalid_request')
      const keysOf = (type: string) =>
        new Set(events.filter(one => one.eventType === type).map(one => one.pubkey))
      const online = keysOf('online')
      const touched = new Set([...online, ...keysOf('offline')])
      const known = new Set(
        state.presence.filter(one => one.server === fromServer && one.expiresAt > t).map(one => one.pubkey),
      )
      state.presence = state.presence.filter(one => one.server !== fromServer || !touched.has(one.pubkey))
      for (const pubkey of online)
        state.presence.push({ pubkey, server: fromServer, expiresAt: t + constants.onlineGossipTtl })
      for (const pubkey of online) if (!known.has(pubkey)) stageQueued(pubkey, fromServer)
      return answerJson(200, {})
    },
    receiveForward: ({ toKey, encryptedBlob }) => {
      const t = now()
      const isHere = state.presence.some(
        one => one.pubkey === toKey && one.server === serverHost && one.expiresAt > t,
      )
      if (!isHere) return answerError(404, 'no_presence')
      append(toKey, encryptedBlob, t)
      return answerJson(200, {})
    },
  }
}
