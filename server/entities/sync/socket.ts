/** `/entities/sync`: devices that keep areas equal with the house's store, by Leaf sync v1 over a WebSocket. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Ed25519 } from '@leaf/entities/crypto'
import type { Verifier } from '@leaf/entities/meadowcap/verify'
import type { EntryStore, IngestOutcome } from '@leaf/entities/store/contract'
import { syncLimits } from '@leaf/entities/sync/contract'
import type { AreaRequest } from '@leaf/entities/sync/frames'
import { serveSync } from '@leaf/entities/sync/server'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { networkOf } from '../../kernel/http/network.ts'
import type { RequestContext, UpgradeRoute } from '../../kernel/http/route.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Random } from '../../kernel/random.ts'
import type { Places } from '../middleware/places.ts'
import type { Throttle } from '../middleware/throttle.ts'
import type { SyncMetrics } from '../metrics.ts'
import { socketTransport } from './transport.ts'

export interface SyncSocketOptions {
  readonly store: EntryStore
  readonly verifier: Verifier
  readonly ed25519: Ed25519
  readonly serverName: string
  readonly serverKey: Uint8Array
  readonly isPublic: (request: AreaRequest) => Promise<boolean>
  readonly payloadBytesMax: number
  readonly places: Places
  readonly throttle: Throttle
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: SyncMetrics
}

export interface SyncSocket {
  readonly route: UpgradeRoute
  count(): number
  /** Begins to ask devices whether they are there. */
  start(): void
  /** Refuses new connections and tells the open ones why they end; those that are not closed in time are cut. */
  stop(deadlineMs: number): Promise<void>
}

/** How often devices are asked whether they are there; one that has not answered the time before is gone. */
const pingMs = 30_000
/** Above the longest frame, so that a frame that is too long is refused in words. */
const messageBytesMax = syncLimits.frameBytesMax + 1024

export function createSyncSocket(options: SyncSocketOptions): SyncSocket {
  const { places, clock, log } = options
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: messageBytesMax,
  })
  const open = new Map<WebSocket, { isThere: boolean }>()
  const serving = new Set<Promise<void>>()
  const stopping = new AbortController()
  let cancelPings: (() => void) | undefined

  const serve = async (webSocket: WebSocket, address: string): Promise<void> => {
    const life = { isThere: true }
    open.set(webSocket, life)
    webSocket.on('pong', () => {
      life.isThere = true
    })
    webSocket.once('close', () => open.delete(webSocket))
    try {
      const end = await serveSync(optionsFor(webSocket, address))
      options.metrics.ended(end?.code ?? 'done')
      if (end !== undefined) log.debug({ address, code: end.code, reason: end.message }, 'a sync has ended')
    } catch (error) {
      options.metrics.ended('fault')
      if (error instanceof Refusal) log.debug({ address, error }, 'a sync could not go on')
      else log.error({ address, error }, 'a sync failed')
    }
  }

  const optionsFor = (webSocket: WebSocket, address: string) => {
    const { payloadBytesMax } = options
    return {
      store: throttled(options.store, () => options.throttle, networkOf(address)),
      transport: socketTransport(webSocket, clock),
      ed25519: options.ed25519,
      verifier: options.verifier,
      random: (length: number) => new Uint8Array(options.random.bytes(length)),
      after: (delayMs: number, fn: () => void) => clock.after(delayMs, fn),
      serverName: options.serverName,
      serverKey: options.serverKey,
      isPublic: options.isPublic,
      ingest: () => ({}),
      wants: (_client: unknown, entry: { readonly payloadLength: bigint }) =>
        entry.payloadLength <= BigInt(payloadBytesMax),
      onTaken: (outcomes: readonly IngestOutcome[]) => options.metrics.taken(outcomes),
      signal: stopping.signal,
    }
  }

  const upgrade = async (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    { address }: RequestContext,
  ): Promise<void> => {
    if (stopping.signal.aborted) throw new Refusal('unavailable', 'the server is stopping')
    const free = places.take(networkOf(address))
    socket.once('close', free)
    server.handleUpgrade(request, socket, head, webSocket => {
      const run = serve(webSocket, address).finally(() => serving.delete(run))
      serving.add(run)
    })
  }

  return {
    route: { path: '/entities/sync', upgrade },
    count: () => open.size,
    start: () => {
      cancelPings = clock.every(pingMs, () => {
        for (const [webSocket, life] of open) {
          if (!life.isThere) webSocket.terminate()
          else if (webSocket.readyState === webSocket.OPEN) webSocket.ping()
          life.isThere = false
        }
      })
    },
    stop: async deadlineMs => {
      cancelPings?.()
      stopping.abort()
      const cancel = clock.after(deadlineMs, () => {
        for (const webSocket of open.keys()) webSocket.terminate()
      })
      await Promise.allSettled(serving)
      cancel()
      for (const webSocket of open.keys()) webSocket.terminate()
    },
  }
}

/** Entries wait for their turn, and with them whoever sends them: credit is given for what was taken. */
function throttled(store: EntryStore, throttle: () => Throttle, network: string): EntryStore {
  return {
    ...store,
    ingest: async (entries, given) => {
      await throttle().wait(network, entries.length)
      return store.ingest(entries, given)
    },
  }
}
