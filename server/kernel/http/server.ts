import { createServer, type Server } from 'node:http'
import type { Clock } from '../clock.ts'
import type { Corruption } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { Random } from '../random.ts'
import { createObserver, type Tracer } from './access.ts'
import { plainProblemPage, type ProblemPage } from './answer.ts'
import { createContexts } from './context.ts'
import { createDispatch } from './dispatch.ts'
import { listenOn } from './listen.ts'
import type { ProxyTrust } from './proxies.ts'
import { createRouter, type Mount } from './router.ts'

export interface HttpServerOptions {
  /** What is served; every `System` is a mount. Two that claim one path are an error. */
  readonly mounts: readonly Mount[]
  /** Addresses to listen on; those that the machine does not have are passed over, as long as one is left. */
  readonly hosts: readonly string[]
  /** 0: a free one. */
  readonly port: number
  readonly trust: ProxyTrust
  /** Development: hosts other than this machine's own names are refused. */
  readonly localHostsOnly: boolean
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
  /** Stored state contradicts itself: the process must stop. */
  readonly onCorruption: (corruption: Corruption) => void
  /** How an error looks to a person; a plain page without it. */
  readonly problemPage?: ProblemPage
  readonly tracer?: Tracer
  /** Connections at the same time; further ones are closed at once. Default 20,000. */
  readonly connectionsMax?: number
  /** A whole request, body included, must have arrived by then. Default 10 minutes: uploads over slow lines. */
  readonly requestMsMax?: number
  /** The head of a request must have arrived by then. Default 10 seconds. */
  readonly headMsMax?: number
}

export interface HttpServer {
  /** Resolves once every address listens, with the port. Throws StartFault when it is taken, naming who has it. */
  listen(): Promise<number>
  /** Takes no new connections; those that are open are closed after their answer. */
  stopAccepting(): void
  /** Lets the requests under way finish: after a second their signals end, after `deadlineMs` their connections do. */
  close(deadlineMs: number): Promise<void>
}

const headerBytesMax = 16_384
const headMsMaxDefault = 10_000
const requestMsMaxDefault = 600_000
/** How often late senders are looked for, at most. */
const lateCheckMs = 5000
/** Longer than the usual minute of proxies, so that it is never us who close under their hands. */
const keepAliveMs = 65_000
/** What is under way may finish by itself for this long before its signals end. */
const graceMs = 1000

/** The one HTTP server. Nothing is served before `listen`. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { clock } = options
  const servers: Server[] = []
  const closeIdle = () => {
    for (const server of servers) server.closeIdleConnections()
  }
  const dispatch = createDispatch(
    {
      ...options,
      router: createRouter(options.mounts),
      contextOf: createContexts(options),
      observer: createObserver(options),
      page: options.problemPage ?? plainProblemPage,
    },
    // The connection counts as idle only after the event that tells us.
    () => setImmediate(closeIdle),
  )
  const closed: Promise<void>[] = []

  const { headMsMax = headMsMaxDefault, requestMsMax = requestMsMaxDefault } = options
  const newServer = (): Server => {
    const server = createServer(
      {
        maxHeaderSize: headerBytesMax,
        headersTimeout: Math.min(headMsMax, requestMsMax),
        connectionsCheckingInterval: Math.min(lateCheckMs, headMsMax, requestMsMax),
        requestTimeout: requestMsMax,
        keepAliveTimeout: keepAliveMs,
        // An upgrade that nobody offers (h2c) is answered as the plain request that it is too.
        shouldUpgradeCallback: request => request.headers.upgrade?.toLowerCase() === 'websocket',
      },
      dispatch.onRequest,
    )
    server.maxConnections = options.connectionsMax ?? 20_000
    server.on('upgrade', dispatch.onUpgrade)
    servers.push(server)
    return server
  }

  const stopAccepting = () => {
    if (closed.length > 0) return
    dispatch.stopAccepting()
    for (const server of servers) closed.push(new Promise(resolve => server.close(() => resolve())))
  }

  return {
    listen: () => listenOn(newServer, options.hosts, options.port),
    stopAccepting,
    close: async deadlineMs => {
      stopAccepting()
      closeIdle()
      const endGrace = clock.after(Math.min(graceMs, deadlineMs / 2), dispatch.abortAll)
      const endAll = clock.after(deadlineMs, () => {
        dispatch.destroyUpgraded()
        for (const server of servers) server.closeAllConnections()
      })
      // A server counts as closed when its last connection is, upgraded ones included.
      await Promise.all(closed)
      endGrace()
      endAll()
    },
  }
}
