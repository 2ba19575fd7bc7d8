/**
 * XRPC on node's own HTTP: route, rate, params, who, body, rate, handle, answer. Methods are declared by their handler
 * files (`method.ts`); their lexicons are loaded when they are first called. https://atproto.com/specs/xrpc
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Refusal } from '../../kernel/errors.ts'
import type { RequestContext, Route } from '../../kernel/http/route.ts'
import type { Histogram, Metrics } from '../../kernel/metrics.ts'
import { type AnyXrpcMethod, type CallDependencies, callMethod, checkVerb, type Exchange } from './call.ts'
import { refuse } from './refuse.ts'
import { answerPreflight, sendHealth, sendRefusal, setCors } from './reply.ts'
import { isHealth, splitTarget, xrpcPrefix } from './target.ts'

export type { AnyXrpcMethod } from './call.ts'

export interface XrpcDependencies extends CallDependencies {
  readonly methods: readonly AnyXrpcMethod[]
  readonly metrics: Metrics
  /** What `_health` tells. */
  readonly version: string
  /** Throws when the database cannot be read. */
  readonly check: () => Promise<void>
}

/** Everything under `/xrpc/`. */
export function createXrpc(dependencies: XrpcDependencies): Route {
  const { clock } = dependencies
  const methods = methodsByName(dependencies.methods)
  const seconds = histogramOf(dependencies.metrics)

  const handle = async (request: IncomingMessage, response: ServerResponse, context: RequestContext) => {
    const startMs = clock.monotonic()
    const target = request.url ?? ''
    setCors(request, response)
    if (request.method === 'OPTIONS') return answerPreflight(request, response)
    if (isHealth(target)) return sendHealth(response, dependencies)
    const { nsid, query } = splitTarget(target)
    const method = nsid === undefined ? undefined : methods.get(nsid)
    let failed = true
    try {
      await answer(nsid, method, { request, response, context, query }, dependencies)
      failed = false
    } catch (error) {
      // Anything else is a fault: the kernel logs it and answers 500.
      if (!(error instanceof Refusal)) throw error
      sendRefusal(request, response, error, context.id)
      failed = false
    } finally {
      const status = failed ? '5xx' : statusClass(response.statusCode)
      seconds.observe((clock.monotonic() - startMs) / 1000, { method: method?.nsid ?? 'unknown', status })
    }
  }
  return { path: `${xrpcPrefix}*`, handle }
}

async function answer(
  nsid: string | undefined,
  method: AnyXrpcMethod | undefined,
  exchange: Exchange,
  dependencies: XrpcDependencies,
): Promise<void> {
  const { request, response, context } = exchange
  const { limits, lexicons, authenticate } = dependencies
  if (nsid === undefined) throw refuse('InvalidRequest', 'invalid xrpc path')
  const entered = limits.enter(response, nsid, context.address)
  if (entered !== undefined) await entered
  if (method !== undefined) return callMethod(method, exchange, dependencies)
  const known = lexicons.method(nsid)
  if (known !== undefined) checkVerb(request.method, known.type)
  if (!/^(GET|HEAD|POST)$/.test(request.method ?? '')) {
    throw refuse('InvalidRequest', 'XRPC requests only supports GET and POST')
  }
  const unknown = { nsid, type: 'procedure' } as const
  const caller = { input: undefined, credentials: { kind: 'none' }, address: context.address } as const
  await limits.charge(response, unknown, caller)
  await authenticate({ need: 'session' }, request.headers.authorization, nsid)
  throw refuse('MethodNotImplemented', 'Method Not Implemented')
}

const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30]

function histogramOf(metrics: Metrics): Histogram {
  return metrics.histogram('leaf_pds_xrpc_seconds', 'Time from an XRPC request to the end of its answer.', {
    labels: ['method', 'status'],
    buckets: secondsBuckets,
  })
}

function statusClass(status: number): string {
  return status < 400 ? '2xx' : status < 500 ? '4xx' : '5xx'
}

function methodsByName(methods: readonly AnyXrpcMethod[]): ReadonlyMap<string, AnyXrpcMethod> {
  const byName = new Map<string, AnyXrpcMethod>()
  for (const method of methods) {
    if (byName.has(method.nsid)) throw new Error(`${method.nsid} is declared twice`)
    byName.set(method.nsid, method)
  }
  return byName
}
