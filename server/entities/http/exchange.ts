/** One request of the public side, and its answer: JSON that anybody's page may read. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { hash } from 'node:crypto'
import { Refusal } from '../../kernel/errors.ts'
import { refusalName, refusalStatus } from '../../kernel/http/answer.ts'
import { networkOf } from '../../kernel/http/network.ts'
import type { RequestContext, Route } from '../../kernel/http/route.ts'
import type { Limiter, LimitRule } from '../../kernel/limit.ts'

export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly context: RequestContext
  /** Without query, as it came. */
  readonly path: string
  readonly query: URLSearchParams
}

const cors = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
  'access-control-allow-headers': 'authorization, content-type, if-none-match',
  'access-control-expose-headers': 'etag',
  'access-control-max-age': '86400',
  'x-content-type-options': 'nosniff',
}

export interface EntityRouteOptions {
  readonly path: string
  readonly methods: readonly ('GET' | 'POST')[]
  readonly limiter: Limiter
  readonly rule: LimitRule
  readonly handle: (exchange: Exchange) => Promise<void>
}

/** A route with its limit, and with what lets pages of other sites use it. */
export function entityRoute({ path, methods, limiter, rule, handle }: EntityRouteOptions): Route {
  return {
    path,
    methods: [...methods, 'OPTIONS'],
    handle: async (request, response, context) => {
      for (const [name, value] of Object.entries(cors)) response.setHeader(name, value)
      if (request.method === 'OPTIONS') {
        response.writeHead(204).end()
        return
      }
      const url = request.url ?? '/'
      const at = url.indexOf('?')
      const exchange = {
        request,
        response,
        context,
        path: at < 0 ? url : url.slice(0, at),
        query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)),
      }
      const state = await limiter.consume(rule, networkOf(context.address))
      if (state.exceeded)
        throw new Refusal(
          'limited',
          `expected at most ${rule.points} requests in ${rule.windowMs / 1000} seconds`,
          {
            retryAfterMs: state.resetMs,
          },
        )
      await handle(exchange)
    },
  }
}

/** Answers with JSON; whoever has the same already is told so. */
export function sendJson({ request, response }: Exchange, value: unknown, status = 200): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`)
  const etag = `"${hash('sha256', body, 'base64url').slice(0, 27)}"`
  response.setHeader('etag', etag)
  // May be kept, and is asked about before it is used again.
  response.setHeader('cache-control', 'no-cache')
  response.setHeader('vary', 'authorization, cookie')
  if (status === 200 && isSame(request.headers['if-none-match'], etag)) {
    response.writeHead(304).end()
    return
  }
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Whether one of the tags that the caller has is this one. */
export function isSame(header: string | undefined, etag: string): boolean {
  return (header ?? '').split(',').some(tag => tag.trim().replace(/^W\//, '') === etag || tag.trim() === '*')
}

/** A refusal in the middle of an answer's making, as JSON. */
export function sendRefusal(exchange: Exchange, refusal: Refusal): void {
  sendJson(exchange, { error: refusalName(refusal), message: refusal.message }, refusalStatus(refusal))
}

/** A whole number in the query. Throws Refusal `invalid`. */
export function numberOf(
  query: URLSearchParams,
  name: string,
  { min, max, fallback }: { readonly min: number; readonly max: number; readonly fallback: number },
): number {
  const text = query.get(name)
  if (text === null) return fallback
  const value = Number(text)
  if (!/^\d{1,15}$/.test(text) || value < min || value > max)
    throw new Refusal('invalid', `expected ${name} from ${min} to ${max}, got "${text.slice(0, 20)}"`)
  return value
}
