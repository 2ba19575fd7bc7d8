import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import { Refusal } from '../errors.ts'
import { type Metrics, metricsContentType } from '../metrics.ts'
import { isLocalHost, isLoopback } from './host.ts'
import { plainAddress } from './proxies.ts'
import type { Route } from './route.ts'

/** Whether one thing that the house needs works: resolves, or throws an Error whose message is the reason. */
export interface ReadinessCheck {
  /** `database`, `blobs`, `pds`. */
  readonly name: string
  readonly check: () => Promise<void>
}

export interface HealthOptions {
  readonly checks: readonly ReadinessCheck[]
  /** From then on `/readyz` says no, so that load balancers look elsewhere. */
  readonly stopping: () => boolean
  readonly metrics: Metrics
  /** Absent: metrics are for this machine only. */
  readonly metricsToken?: string | undefined
  readonly clock: Clock
}

/** A check that has not answered by then counts as failed. */
const checkMsMax = 3000

/**
 * `/healthz` (the process lives), `/readyz` (it can do its work) and `/metrics`. Reasons are told to callers on this
 * machine only.
 */
export function createHealthRoutes(options: HealthOptions): Route[] {
  return [
    {
      path: '/healthz',
      methods: ['GET'],
      handle: (_request, response) => answerJson(response, 200, { ok: true }),
    },
    {
      path: '/readyz',
      methods: ['GET'],
      handle: async (request, response) => {
        const failed = options.stopping()
          ? { server: 'is stopping' }
          : await failures(options.checks, options.clock)
        const ok = Object.keys(failed).length === 0
        const told = isOfThisMachine(request)
          ? failed
          : Object.fromEntries(Object.keys(failed).map(name => [name, 'failed']))
        answerJson(response, ok ? 200 : 503, ok ? { ok } : { ok, failed: told })
      },
    },
    {
      path: '/metrics',
      methods: ['GET'],
      handle: async (request, response) => {
        guardMetrics(request, options.metricsToken)
        response.writeHead(200, { 'content-type': metricsContentType, 'cache-control': 'no-store' })
        response.end(await options.metrics.text())
      },
    },
  ]
}

async function failures(checks: readonly ReadinessCheck[], clock: Clock): Promise<Record<string, string>> {
  const failed: Record<string, string> = {}
  await Promise.all(
    checks.map(async ({ name, check }) => {
      const reason = await within(checkMsMax, check, clock)
      if (reason !== undefined) failed[name] = reason
    }),
  )
  return failed
}

function within(ms: number, check: () => Promise<void>, clock: Clock): Promise<string | undefined> {
  return new Promise(resolve => {
    const cancel = clock.after(ms, () => resolve(`did not answer within ${ms} ms`))
    check()
      .then(
        () => resolve(undefined),
        error => resolve(error instanceof Error ? error.message : 'failed'),
      )
      .finally(cancel)
  })
}

/** Asked from this machine itself, without a proxy between: no forwarded header, and no Host but this machine's names. */
function isOfThisMachine(request: IncomingMessage): boolean {
  const { headers } = request
  return (
    isLoopback(plainAddress(request.socket.remoteAddress ?? '')) &&
    isLocalHost(headers.host ?? '') &&
    headers.forwarded === undefined &&
    headers.via === undefined &&
    !Object.keys(headers).some(name => name.startsWith('x-forwarded-') || name === 'x-real-ip')
  )
}

function guardMetrics(request: IncomingMessage, token: string | undefined): void {
  const { authorization } = request.headers
  if (authorization === undefined && isOfThisMachine(request)) return
  // Whoever cannot know a token is not told that there is something to know.
  if (token === undefined) throw new Refusal('missing', 'there is nothing at this address')
  if (authorization === undefined || !sameSecret(authorization, `Bearer ${token}`)) {
    throw new Refusal('unauthenticated', 'expected the metrics token as a bearer token')
  }
}

/** Compares in constant time, whatever the lengths. */
function sameSecret(given: string, expected: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(given), hash(expected))
}

function answerJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  })
  response.end(JSON.stringify(value))
}
