/** One call of a known method: params, who, body, rate, handle, answer. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../kernel/clock.ts'
import { decodedBody } from '../../kernel/http/body.ts'
import type { RequestContext } from '../../kernel/http/route.ts'
import type { Authenticate } from '../auth/credentials.ts'
import type { RateLimits } from '../middleware/ratelimit.ts'
import type { Lexicons, MethodSchema } from '../validation/lexicons.ts'
import { checkContentType, readJson, refuseBody } from './body.ts'
import type { XrpcMethod } from './method.ts'
import { readParams } from './params.ts'
import { refuse } from './refuse.ts'
import { sendReply } from './reply.ts'

/** A method of whatever params and input. */
export type AnyXrpcMethod = XrpcMethod<never, never>

export interface CallDependencies {
  readonly authenticate: Authenticate
  readonly limits: RateLimits
  readonly lexicons: Lexicons
  readonly clock: Clock
  /** Bytes of a JSON body, where the method says nothing of its own. */
  readonly jsonBytesMax: number
}

/** A request on its way. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly context: RequestContext
  /** Without `?`. */
  readonly query: string
}

/** Calls a method and sends its reply. Throws refusals before anything is sent. */
export async function callMethod(
  method: AnyXrpcMethod,
  exchange: Exchange,
  dependencies: CallDependencies,
): Promise<void> {
  const { request, response, context, query } = exchange
  const { limits, lexicons, authenticate } = dependencies
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

function schemaOf(lexicons: Lexicons, method: AnyXrpcMethod): MethodSchema {
  const schema = lexicons.method(method.nsid)
  if (schema?.type !== method.type) throw new Error(`no lexicon says that ${method.nsid} is a ${method.type}`)
  return schema
}

/** Refuses any verb but the one of the method's type. */
export function checkVerb(verb: string | undefined, type: MethodSchema['type']): void {
  const expected = type === 'procedure' ? 'POST' : 'GET'
  if (verb === expected || (verb === 'HEAD' && expected === 'GET')) return
  throw refuse('InvalidRequest', `Incorrect HTTP method (${verb}) expected ${expected}`)
}

async function readInput(
  request: IncomingMessage,
  method: AnyXrpcMethod,
  schema: MethodSchema,
  { clock, jsonBytesMax }: Pick<CallDependencies, 'clock' | 'jsonBytesMax'>,
): Promise<unknown> {
  if (schema.type !== 'procedure' || schema.inputEncoding === undefined) {
    await refuseBody(request, clock)
    return undefined
  }
  checkContentType(request, schema.inputEncoding)
  if (method.rawBody === true) return undefined
  return readJson(request, { bytesMax: method.jsonBytesMax ?? jsonBytesMax, check: schema.checkInput, clock })
}
