/** Answers: JSON, bytes, streams, errors, and what browsers of other sites must be told. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Refusal } from '../../kernel/errors.ts'
import { endAfterDraining, hasLargeBodyUnread, refusalStatus } from '../../kernel/http/answer.ts'
import type { XrpcReply } from './method.ts'

/** Headers by lower-case name. */
export type Headers = Readonly<Record<string, string>>

const exposed = [
  'DPoP-Nonce',
  'WWW-Authenticate',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'RateLimit-Policy',
  'Retry-After',
  'atproto-repo-rev',
  'atproto-content-labelers',
  'X-Request-Id',
].join(', ')

const dayS = '86400'

/** What every answer tells browsers: any site may read it. */
export function setCors(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('access-control-allow-origin', '*')
  if (request.headers.origin !== undefined) response.setHeader('access-control-expose-headers', exposed)
}

/** Answers a preflight: any method, the headers that were asked for. */
export function answerPreflight(request: IncomingMessage, response: ServerResponse): void {
  const asked = request.headers['access-control-request-headers']
  if (asked !== undefined) response.setHeader('access-control-allow-headers', asked)
  response.writeHead(204, {
    'access-control-allow-methods': 'GET,HEAD,PUT,PATCH,POST,DELETE',
    'access-control-max-age': dayS,
    vary: 'Access-Control-Request-Headers',
    'content-length': 0,
  })
  response.end()
}

/** Sends a method's reply. Resolves when a stream is through, or its reader is gone. */
export async function sendReply(
  request: IncomingMessage,
  response: ServerResponse,
  reply: XrpcReply,
): Promise<void> {
  if (reply === undefined) {
    response.writeHead(200, { 'content-length': 0 }).end()
    return
  }
  if ('json' in reply) {
    sendBody(response, JSON.stringify(reply.json), jsonType, reply.headers)
    return
  }
  if ('jsonText' in reply) {
    sendBody(response, reply.jsonText, jsonType, reply.headers)
    return
  }
  if ('bytes' in reply) {
    sendBody(response, reply.bytes, reply.contentType, reply.headers)
    return
  }
  response.writeHead(200, { 'content-type': reply.contentType, ...reply.headers })
  if (request.method === 'HEAD') {
    await reply.stream[Symbol.asyncIterator]().return?.()
    response.end()
    return
  }
  await sendStream(response, reply.stream)
}

const jsonType = 'application/json; charset=utf-8'

// A text goes out in one piece with its headers; bytes would be a second one.
function sendBody(
  response: ServerResponse,
  body: string | Uint8Array,
  contentType: string,
  headers: Headers | undefined,
): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  const own = { 'content-type': contentType, 'content-length': length }
  response.writeHead(200, headers === undefined ? own : { ...own, ...headers }).end(body)
}

async function sendStream(response: ServerResponse, stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of stream) {
    if (response.destroyed) return
    if (!response.write(chunk)) await drained(response)
  }
  response.end()
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
    if (response.destroyed) done()
  })
}

/** Answers `_health`: the version, and 503 when the database cannot be read. Why is in the log of who watches `/readyz`. */
export async function sendHealth(
  response: ServerResponse,
  { version, check }: { readonly version: string; readonly check: () => Promise<void> },
): Promise<void> {
  const healthy = await check().then(
    () => true,
    () => false,
  )
  if (healthy) return sendBody(response, JSON.stringify({ version }), jsonType, undefined)
  const body = JSON.stringify({ version, error: 'Service Unavailable' })
  response.writeHead(503, { 'content-type': jsonType, 'content-length': Buffer.byteLength(body) }).end(body)
}

/** XRPC's names for refusals that have none of their own. */
const names: Readonly<Record<number, string>> = {
  400: 'InvalidRequest',
  401: 'AuthenticationRequired',
  403: 'Forbidden',
  404: 'XRPCNotSupported',
  406: 'NotAcceptable',
  409: 'InvalidRequest',
  413: 'PayloadTooLarge',
  415: 'UnsupportedMediaType',
  429: 'RateLimitExceeded',
  501: 'MethodNotImplemented',
  502: 'UpstreamFailure',
  503: 'NotEnoughResources',
  504: 'UpstreamTimeout',
}

/** Answers a refusal in ATProto's shape. Cuts the connection when an answer had begun. */
export function sendRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal,
  requestId: string,
): void {
  if (response.headersSent) {
    // A truncated answer must not look like a whole one.
    if (!response.writableEnded) response.destroy()
    return
  }
  const status = refusalStatus(refusal)
  const error = refusal.wireName ?? names[status] ?? 'InvalidRequest'
  const told = { error, message: refusal.message, ...(status > 501 ? { requestId } : {}) }
  const body = JSON.stringify(told)
  const retry = refusal.retryAfterMs
  if (retry !== undefined) response.setHeader('retry-after', Math.max(1, Math.ceil(retry / 1000)))
  const unread = hasLargeBodyUnread(request)
  if (unread) response.setHeader('connection', 'close')
  response.writeHead(status, { 'content-type': jsonType, 'content-length': Buffer.byteLength(body) })
  if (unread) endAfterDraining(request, response, body)
  else response.end(body)
}
