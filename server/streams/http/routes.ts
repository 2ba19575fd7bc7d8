/** `/streams/*`: reading streams over HTTP. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { networkOf } from '../../kernel/http/network.ts'
import type { RequestContext, Route } from '../../kernel/http/route.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { DoorDependencies } from '../dependencies.ts'
import type { Authenticate } from '../middleware/authenticate.ts'
import type { Streams } from '../stream/contract.ts'
import { createReadEvents } from './events.ts'
import { createReadInfo, nothingHere } from './info.ts'
import { createLive } from './live.ts'
import { createReadQuery } from './query.ts'
import { callerOf, corsHeaders, pathOf, type Read } from './request.ts'

interface ReadDependencies extends Pick<DoorDependencies, 'settings' | 'clock' | 'limiter' | 'metrics'> {
  readonly streams: Streams
  readonly authenticate: Authenticate
}

const windowMs = 60_000

/** The routes, and the end of whoever waits there. */
export function createReadRoutes(deps: ReadDependencies): {
  readonly routes: readonly Route[]
  /** Readers that wait for events. */
  waiting(): number
  stop(): void
} {
  const { streams, settings, clock, limiter, authenticate } = deps
  const live = createLive({
    streams,
    clock,
    readersMax: settings.liveReadersMax,
    readersPerAddressMax: settings.liveReadersPerAddressMax,
  })
  deps.metrics.gauge('leaf_streams_live_readers', 'Readers over HTTP that wait for events.', live.count)
  const readEvents = createReadEvents({ streams, live })
  const readInfo = createReadInfo(streams)
  const readQuery = createReadQuery(streams)
  const rule = { name: 'streams-read', points: settings.readLimit, windowMs }

  const handle = async (request: IncomingMessage, response: ServerResponse, context: RequestContext) => {
    // Refusals too are for pages of other origins to read.
    for (const [name, value] of Object.entries(corsHeaders)) response.setHeader(name, value)
    const address = networkOf(context.address)
    const state = await limiter.consume(rule, address)
    if (state.exceeded)
      throw new Refusal('limited', 'too many requests from here', { retryAfterMs: state.resetMs })
    const url = request.url ?? '/'
    const { stream, rest } = pathOf(url)
    const caller = await callerOf(request, authenticate)
    const params = new URLSearchParams(url.split('?')[1] ?? '')
    const { signal } = context
    const read: Read = { stream, caller, params, request, response, address, signal }
    const [what, name, ...more] = rest
    if (what === undefined) return readInfo(read)
    if (what === 'events' && name === undefined) return readEvents(read)
    if (what === 'queries' && name !== undefined && more.length === 0) return readQuery(read, name)
    return nothingHere()
  }
  return {
    routes: [
      { path: '/streams/*', methods: ['GET'], handle },
      { path: '/streams/*', methods: ['OPTIONS'], handle: allowReading },
    ],
    waiting: live.count,
    stop: live.stop,
  }
}

/** The question that browsers ask before a request with a token. */
function allowReading(_request: IncomingMessage, response: ServerResponse): void {
  response
    .writeHead(204, {
      ...corsHeaders,
      'access-control-allow-methods': 'GET, HEAD',
      'access-control-allow-headers': 'authorization, accept, if-none-match, last-event-id',
      'access-control-max-age': '86400',
    })
    .end()
}
