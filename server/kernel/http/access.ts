import type { IncomingMessage } from 'node:http'
import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { RequestContext } from './route.ts'

/** Traces requests; `kernel/otel.ts` makes one when tracing is on. */
export interface Tracer {
  begin(request: IncomingMessage, context: RequestContext, path: string): TracedRequest
  /** Sends what is still here. */
  close(): Promise<void>
}

export interface TracedRequest {
  /** `route` is the pattern that matched, or undefined. Called once. */
  end(status: number, route: string | undefined): void
}

/** What sees every request: the access log, the metrics, the traces. */
export interface Observer {
  begin(kind: ObservedKind, request: IncomingMessage, context: RequestContext, path: string): ObservedRequest
}

/** A request with its answer, or a connection that was asked to become a WebSocket. */
export type ObservedKind = 'request' | 'socket'

export interface ObservedRequest {
  route(pattern: string): void
  /** The answer has ended, or the connection is gone. For sockets 101, or what they were refused with. */
  end(status: number): void
}

interface ObserverOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly tracer?: Tracer
}

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]
/** Of a path, in the log. */
const pathCharsMax = 256

/** Watches requests. The query of a path is never logged: it may hold codes and tokens. */
export function createObserver({ clock, log, metrics, tracer }: ObserverOptions): Observer {
  const labels = ['route', 'status']
  const seconds = metrics.histogram(
    'leaf_http_request_seconds',
    'Time from the request to the end of its answer.',
    {
      labels,
      buckets: secondsBuckets,
    },
  )
  const sockets = metrics.counter('leaf_http_sockets_total', 'WebSockets that ended or were refused.', labels)
  const active = { request: 0, socket: 0 }
  metrics.gauge('leaf_http_requests_active', 'Requests that are being answered.', () => active.request)
  metrics.gauge('leaf_http_sockets_active', 'WebSockets that are open.', () => active.socket)

  return {
    begin: (kind, request, context, path) => {
      const startMs = clock.monotonic()
      const traced = tracer?.begin(request, context, path)
      let route: string | undefined
      active[kind] += 1
      return {
        route: pattern => {
          route = pattern
        },
        end: status => {
          active[kind] -= 1
          const ms = clock.monotonic() - startMs
          const values = { route: route ?? 'none', status: statusClass(status) }
          if (kind === 'request') seconds.observe(ms / 1000, values)
          else sockets.add(values)
          traced?.end(status, route)
          log.info(
            {
              request: context.id,
              method: request.method,
              path: path.slice(0, pathCharsMax),
              status,
              ms: Math.round(ms * 100) / 100,
              address: context.address,
              host: context.host,
            },
            kind,
          )
        },
      }
    },
  }
}

const classes = ['1xx', '2xx', '3xx', '4xx', '5xx']

function statusClass(status: number): string {
  return classes[Math.floor(status / 100) - 1] ?? 'other'
}
