/** The firehose: `com.atproto.sync.subscribeRepos`. https://atproto.com/specs/event-stream */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Follow } from '../../kernel/follow.ts'
import type { RequestContext, UpgradeRoute } from '../../kernel/http/route.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Metrics } from '../../kernel/metrics.ts'
import type { Database, ReadTx } from '../../kernel/storage/database.ts'
import { type LoggedEvent, newestEventBefore } from '../database/sequencer.ts'
import { createSubscriber, type Subscriber } from './subscriber.ts'

export interface FirehoseOptions {
  readonly database: Database
  readonly log: Follow<LoggedEvent>
  /** The last number that was given to an event, also one that no row has any more. */
  readonly lastSeq: (tx: ReadTx) => Promise<number>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** How long events can be replayed, in milliseconds. */
  readonly windowMs: number
  readonly socketsMax: number
  readonly socketsPerAddressMax: number
}

export interface Firehose {
  readonly route: UpgradeRoute
  /** How many subscribers there are. */
  count(): number
  /** Begins to ask subscribers whether they are there. */
  start(): void
  /** Refuses new subscribers, closes the sockets with a reason; those that are not closed in time are cut. */
  stop(deadlineMs: number): Promise<void>
}

/** How often subscribers are asked whether they are there. */
const pingMs = 30_000
/** Events are kept and served this much longer than promised, so that a replay from the window's start is not cut off. */
export const windowSlackMs = 3_600_000
/** Bytes of a message from a subscriber. */
const inboundBytesMax = 4096

export function createFirehose(options: FirehoseOptions): Firehose {
  const { clock, logger, log } = options
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: inboundBytesMax,
  })
  const subscribers = new Set<Subscriber>()
  const places = createPlaces(options)
  const counters = countersOf(options.metrics, () => subscribers.size)
  let stopping = false
  let cancelPings: (() => void) | undefined
  let onEmpty: (() => void) | undefined

  const serve = async (webSocket: WebSocket, socket: Duplex, start: Start, address: string) => {
    const subscriber = createSubscriber({
      socket,
      webSocket,
      log,
      clock,
      windowStart: () => clock.now() - options.windowMs - windowSlackMs,
      onSent: counters.sent,
      onFailure: error =>
        logger.error({ error, address }, 'the log of events cannot be read for a subscriber'),
    })
    subscribers.add(subscriber)
    webSocket.once('close', () => {
      subscribers.delete(subscriber)
      if (subscribers.size === 0) onEmpty?.()
    })
    if ('error' in start) {
      subscriber.refuse(start.error, start.message)
      return
    }
    if (start.outdated) {
      subscriber.inform('OutdatedCursor', 'Requested cursor exceeded limit. Possibly missing events')
    }
    logger.debug({ address, cursor: start.cursor }, 'a subscriber of the firehose has come')
    const end = await subscriber.follow(start.cursor)
    counters.ended(end)
    logger.debug({ address, end }, 'a subscriber of the firehose has gone')
  }

  const refuseWhenStopping = () => {
    if (stopping) throw new Refusal('unavailable', 'the server is stopping')
  }

  const upgrade = async (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    { address }: RequestContext,
  ): Promise<void> => {
    refuseWhenStopping()
    places.take(address)
    socket.once('close', () => places.free(address))
    // Until the WebSocket has the socket, nobody else listens; an error is followed by the close above.
    const onError = () => undefined
    socket.on('error', onError)
    // Read before the handshake: whatever is written once the subscriber sees it open comes to it.
    const start = await startOf(options, request.url ?? '')
    refuseWhenStopping()
    socket.off('error', onError)
    server.handleUpgrade(request, socket, head, webSocket => void serve(webSocket, socket, start, address))
  }

  return {
    route: { path: '/xrpc/com.atproto.sync.subscribeRepos', upgrade },
    count: () => subscribers.size,
    start: () => {
      cancelPings = clock.every(pingMs, () => {
        for (const subscriber of subscribers) subscriber.ping()
      })
    },
    stop: async deadlineMs => {
      stopping = true
      cancelPings?.()
      if (subscribers.size === 0) return
      await new Promise<void>(resolve => {
        const cancel = clock.after(deadlineMs, () => {
          for (const subscriber of subscribers) subscriber.terminate()
          resolve()
        })
        onEmpty = () => {
          cancel()
          resolve()
        }
        for (const subscriber of subscribers) subscriber.close(1001, 'the server is stopping')
      })
    },
  }
}

type Start =
  | { readonly cursor: number; readonly outdated: boolean }
  | { readonly error: string; readonly message: string }

/** Where a subscription begins, by the `cursor` it asks for. */
async function startOf(options: FirehoseOptions, url: string): Promise<Start> {
  const asked = new URLSearchParams(url.split('?')[1] ?? '').get('cursor')
  if (asked !== null && !/^-?\d{1,16}$/.test(asked)) {
    return { error: 'InvalidRequest', message: 'Error: cursor must be an integer' }
  }
  return options.database.read(async tx => {
    const last = await options.lastSeq(tx)
    if (asked === null) return { cursor: last, outdated: false }
    const cursor = Number(asked)
    if (cursor > last) return { error: 'FutureCursor', message: 'Cursor in the future.' }
    const outside = await newestEventBefore(tx, options.clock.now() - options.windowMs)
    const outdated = outside !== undefined && cursor < outside
    return { cursor: outdated ? outside : cursor, outdated }
  })
}

/** Sockets that are open or being opened, in all and by address. */
function createPlaces(options: Pick<FirehoseOptions, 'socketsMax' | 'socketsPerAddressMax'>) {
  const { socketsMax, socketsPerAddressMax } = options
  const byAddress = new Map<string, number>()
  let taken = 0
  return {
    take: (address: string) => {
      if (taken >= socketsMax) {
        throw new Refusal('unavailable', `all ${socketsMax} places of the firehose are taken`)
      }
      const mine = byAddress.get(address) ?? 0
      if (mine >= socketsPerAddressMax) {
        throw new Refusal('limited', `${socketsPerAddressMax} subscriptions of your address are open already`)
      }
      byAddress.set(address, mine + 1)
      taken += 1
    },
    free: (address: string) => {
      const mine = byAddress.get(address) ?? 0
      if (mine > 1) byAddress.set(address, mine - 1)
      else byAddress.delete(address)
      taken -= 1
    },
  }
}

function countersOf(metrics: Metrics, count: () => number) {
  metrics.gauge('leaf_pds_firehose_subscribers', 'Open subscriptions of the firehose.', count)
  const events = metrics.counter('leaf_pds_firehose_sent_events', 'Events written to subscribers.')
  const bytes = metrics.counter('leaf_pds_firehose_sent_bytes', 'Bytes written to subscribers.')
  const ends = metrics.counter('leaf_pds_firehose_ended_total', 'Subscriptions that ended, by reason.', [
    'reason',
  ])
  return {
    sent: (eventCount: number, byteCount: number) => {
      events.add({}, eventCount)
      bytes.add({}, byteCount)
    },
    ended: (reason: string) => ends.add({ reason }),
  }
}
