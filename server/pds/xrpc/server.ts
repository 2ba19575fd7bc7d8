/**
 * XRPC on node's own HTTP: route, rate, params, who, body, rate, handle, answer. Methods are declared by their handler
 * files (`method.ts`); their lexicons are loaded when they are first called. https://atproto.com/specs/xrpc
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { decodedBody } from '../../kernel/http/body.ts'
import type { RequestContext, Route } from '../../kernel/http/route.ts'
import type { Metrics } from '../../kernel/metrics.ts'
import type { Authenticate } from '../auth/credentials.ts'
import type { RateLimits } from '../middleware/ratelimit.ts'
import type { Lexicons, MethodSchema } from '../validation/lexicons.ts'
import { checkContentType, readJson, refuseBody } from './body.ts'
import type { XrpcMethod } from './method.ts'
import { readParams } from './params.ts'
import { refuse } from './refuse.ts'
import { answerPreflight, sendRefusal, sendReply, setCors } from './reply.ts'

/** A method of whatever params and input. */
export type AnyXrpcMethod = XrpcMethod<never, never>

export interface XrpcDependencies {
  readonly methods: readonly AnyXrpcMethod[]
  readonly authenticate: Authenticate
  readonly limits: RateLimits
  readonly lexicons: Lexicons
  readonly clock: Clock
  readonly metrics: Metrics
  /** What `_health` tells. */
  readonly version: string
  /** Throws when the database cannot be read. */
  readonly check: () => Promise<void>
  /** Bytes of a JSON body, where the method says nothing of its own. */
  readonly jsonBytesMax: number
}

const prefix = '/xrpc/'
const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30]

/** Everything under `/xrpc/`. */
export function createXrpc(dependencies: XrpcDependencies): Route {
  const { limits, lexicons, authenticate, clock, metrics } = dependencies
  const methods = methodsByName(dependencies.methods)
  const seconds = metrics.histogram(
    'leaf_pds_xrpc_seconds',
    'Time from an XRPC request to the end of its answer.',
    {
      labels: ['method', 'status'],
      buckets: secondsBuckets,
    },
  )

  const callMethod = async (
    method: AnyXrpcMethod,
    call: { request: IncomingMessage; response: ServerResponse; context: RequestContext; query: string },
  ): Promise<void> => {
    const { request, response, context, query } = call
    const { nsid } = method
    const schema = schemaOf(lexicons, method)
    checkVerb(request.method, schema.type)
    const params = readParams(query, nsid, schema)
    const credentials = await authenticate(method.auth, request.headers.authorization, nsid)
    const input = await readInput(request, method, schema, dependencies)
    const charged = limits.charge(response, method, { input, credentials, address: context.address })
    if (charged !== undefined) await charged
    const reply = await method.handle({
      // Checked against the lexicon just above; the handler's types say what the lexicon says.
      params: params as never,
      input: input as never,
      body: method.rawBody === true ? decodedBody(request) : request,
      headers: request.headers,
      credentials,
      context,
    })
    await sendReply(request, response, reply)
  }

  const answer = async (request: IncomingMessage, response: ServerResponse, context: RequestContext) => {
    const { nsid, query } = splitTarget(request.url ?? '')
    if (nsid === undefined) throw refuse('InvalidRequest', 'invalid xrpc path')
    const entered = limits.enter(response, nsid, context.address)
    if (entered !== undefined) await entered
    const method = methods.get(nsid)
    if (method !== undefined) {
      await callMethod(method, { request, response, context, query })
      return
    }
    const known = lexicons.method(nsid)
    if (known !== undefined) checkVerb(request.method, known.type)
    if (!/^(GET|HEAD|POST)$/.test(request.method ?? '')) {
      throw refuse('InvalidRequest', 'XRPC requests only supports GET and POST')
    }
    await authenticate({ need: 'session' }, request.headers.authorization, nsid)
    throw refuse('MethodNotImplemented', 'Method Not Implemented')
  }

  const health = async (response: ServerResponse): Promise<void> => {
    const { version } = dependencies
    try {
      await dependencies.check()
    } catch {
      // Why is in the log of whoever watches `/readyz`; here it is only told that it is so.
      const body = JSON.stringify({ version, error: 'Service Unavailable' })
      response.writeHead(503, { 'content-type': 'application/json; charset=utf-8' }).end(body)
      return
    }
    response
      .writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify({ version }))
  }

  const handle = async (request: IncomingMessage, response: ServerResponse, context: RequestContext) => {
    const startMs = clock.monotonic()
    setCors(request, response)
    if (request.method === 'OPTIONS') return answerPreflight(request, response)
    if (isHealth(request)) return health(response)
    try {
      await answer(request, response, context)
    } catch (error) {
      // Anything else is a fault: the kernel logs it and answers 500.
      if (!(error instanceof Refusal)) throw error
      sendRefusal(request, response, error, context.id)
    } finally {
      const { nsid = '' } = splitTarget(request.url ?? '')
      const status = response.statusCode < 400 ? '2xx' : response.statusCode < 500 ? '4xx' : '5xx'
      seconds.observe((clock.monotonic() - startMs) / 1000, {
        method: methods.has(nsid) ? nsid : 'unknown',
        status,
      })
    }
  }
  return { path: `${prefix}*`, handle }
}

function methodsByName(methods: readonly AnyXrpcMethod[]): ReadonlyMap<string, AnyXrpcMethod> {
  const byName = new Map<string, AnyXrpcMethod>()
  for (const method of methods) {
    if (byName.has(method.nsid)) throw new Error(`${method.nsid} is declared twice`)
    byName.set(method.nsid, method)
  }
  return byName
}

function schemaOf(lexicons: Lexicons, method: AnyXrpcMethod): MethodSchema {
  const schema = lexicons.method(method.nsid)
  if (schema?.type !== method.type) throw new Error(`no lexicon says that ${method.nsid} is a ${method.type}`)
  return schema
}

function isHealth(request: IncomingMessage): boolean {
  return request.url?.startsWith('/xrpc/_health') === true && /^\/xrpc\/_health\/?(\?|$)/.test(request.url)
}

function checkVerb(verb: string | undefined, type: MethodSchema['type']): void {
  const expected = type === 'procedure' ? 'POST' : 'GET'
  if (verb === expected || (verb === 'HEAD' && expected === 'GET')) return
  throw refuse('InvalidRequest', `Incorrect HTTP method (${verb}) expected ${expected}`)
}

async function readInput(
  request: IncomingMessage,
  method: AnyXrpcMethod,
  schema: MethodSchema,
  { clock, jsonBytesMax }: Pick<XrpcDependencies, 'clock' | 'jsonBytesMax'>,
): Promise<unknown> {
  if (schema.type !== 'procedure' || schema.inputEncoding === undefined) {
    await refuseBody(request, clock)
    return undefined
  }
  checkContentType(request, schema.inputEncoding)
  if (method.rawBody === true) return undefined
  return readJson(request, { bytesMax: method.jsonBytesMax ?? jsonBytesMax, check: schema.checkInput, clock })
}

interface Target {
  /** Undefined when it cannot be the name of a method. */
  readonly nsid: string | undefined
  /** Without `?`. */
  readonly query: string
}

const nsidPattern = /^[a-zA-Z0-9]+(?:[.-][a-zA-Z0-9]+)*$/
const nsidCharsMax = 317

function splitTarget(target: string): Target {
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = mark < 0 ? '' : target.slice(mark + 1)
  const start = path.startsWith(prefix) ? prefix.length : path.indexOf(prefix) + prefix.length
  const nsid = path.slice(start, path.endsWith('/') ? -1 : undefined)
  const valid = nsid.length >= 2 && nsid.length <= nsidCharsMax && nsidPattern.test(nsid)
  return { nsid: valid ? nsid : undefined, query }
}
