import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Refusal, RefusalCode } from '../errors.ts'

/** HTTP's status for each kind of refusal, and the error's name where the refusal has none of its own. */
const statuses: Readonly<Record<RefusalCode, readonly [status: number, name: string, title: string]>> = {
  invalid: [400, 'InvalidRequest', 'This request is not right'],
  unauthenticated: [401, 'AuthenticationRequired', 'Please sign in'],
  forbidden: [403, 'Forbidden', 'This is not yours to do'],
  missing: [404, 'NotFound', 'There is nothing here'],
  conflict: [409, 'Conflict', 'Something changed in the meantime'],
  unacceptable: [406, 'NotAcceptable', 'There is no such representation'],
  'too-large': [413, 'PayloadTooLarge', 'This is too large'],
  'unsupported-media': [415, 'UnsupportedMediaType', 'This kind of content is not taken here'],
  limited: [429, 'RateLimitExceeded', 'That was too often'],
  unavailable: [503, 'ServiceUnavailable', 'Not at the moment'],
  upstream: [502, 'UpstreamFailure', 'Another server failed'],
  'upstream-timeout': [504, 'UpstreamTimeout', 'Another server did not answer'],
  unimplemented: [501, 'MethodNotImplemented', 'This server cannot do that'],
}

/** The HTTP status of a refusal. */
export function refusalStatus(refusal: Refusal): number {
  return statuses[refusal.code][0]
}

/** The name of a refusal on the wire: its own, or the usual one of its code. */
export function refusalName(refusal: Refusal): string {
  return refusal.wireName ?? statuses[refusal.code][1]
}

/** What an error answer says, to programs and to people. */
export interface Problem {
  readonly status: number
  /** For programs: `NotFound`. */
  readonly error: string
  /** For people: a headline. */
  readonly title: string
  readonly message: string
  readonly requestId: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Renders a problem as a page. */
export type ProblemPage = (problem: Problem) => string

/** The problem that a refusal is. */
export function refusalProblem(refusal: Refusal, requestId: string): Problem {
  const [status, , title] = statuses[refusal.code]
  const retry =
    refusal.retryAfterMs === undefined
      ? undefined
      : String(Math.max(1, Math.ceil(refusal.retryAfterMs / 1000)))
  return {
    status,
    error: refusalName(refusal),
    title,
    message: refusal.message,
    requestId,
    ...(retry === undefined ? {} : { headers: { 'retry-after': retry } }),
  }
}

/** A fault of ours: it says nothing about itself but where to find it in the log. */
export function faultProblem(requestId: string): Problem {
  return {
    status: 500,
    error: 'InternalServerError',
    title: 'Something broke here',
    message: `something broke on this server. nothing of yours was lost. the request was ${requestId}`,
    requestId,
  }
}

/** Whether the caller is a browser that asks for a page. */
export function prefersHtml(request: IncomingMessage): boolean {
  const accept = request.headers.accept
  if (accept === undefined) return false
  const html = accept.indexOf('text/html')
  const json = accept.indexOf('application/json')
  return html >= 0 && (json < 0 || html < json)
}

/** Answers with a problem, in HTML where the caller prefers it. Cuts the connection if an answer had begun already. */
export function answerProblem(
  request: IncomingMessage,
  response: ServerResponse,
  problem: Problem,
  page: ProblemPage,
): void {
  if (response.headersSent || response.writableEnded) {
    // A truncated answer must not look like a whole one.
    if (!response.writableEnded) response.destroy()
    return
  }
  for (const name of response.getHeaderNames()) if (name.startsWith('content-')) response.removeHeader(name)
  const html = prefersHtml(request)
  const unread = hasLargeBodyUnread(request)
  const body = Buffer.from(html ? page(problem) : jsonOf(problem))
  response.writeHead(problem.status, {
    'content-type': html ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(html ? { 'content-security-policy': "default-src 'none'; style-src 'self' 'unsafe-inline'" } : {}),
    ...problem.headers,
    ...(unread ? { connection: 'close' } : {}),
  })
  if (unread) endAfterDraining(request, response, body)
  else response.end(body)
}

function jsonOf(problem: Problem): string {
  const { error, message, status, requestId } = problem
  return JSON.stringify(status >= 500 ? { error, message, requestId } : { error, message })
}

/** A declared body up to this size is read and dropped, so that the connection serves the next request. */
const dropBytesMax = 65_536

/** Whether more of the body is still to come than is worth waiting for: the connection is to be closed. */
export function hasLargeBodyUnread(request: IncomingMessage): boolean {
  if (request.complete) return false
  const length = request.headers['content-length']
  return (
    request.headers['transfer-encoding'] !== undefined ||
    (length !== undefined && Number(length) > dropBytesMax)
  )
}

/** Bytes and time for which a refused body is still read, so that its sender sees the answer instead of a reset. */
const drainBytesMax = 16 * 1024 * 1024
const drainMsMax = 1000

/** Writes the body of a refusal whose head is written, and ends it once the request's body is read for a while. */
export function endAfterDraining(
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer | string,
): void {
  let drained = 0
  let done = false
  const finish = () => {
    if (done) return
    done = true
    clearTimeout(timer)
    request.off('data', onData)
    response.end()
  }
  const onData = (chunk: Buffer) => {
    drained += chunk.length
    if (drained > drainBytesMax) finish()
  }
  const timer = setTimeout(finish, drainMsMax)
  response.write(body)
  request.on('data', onData)
  request.once('end', finish)
  request.once('close', finish)
  request.resume()
}

/** The page of a problem when nobody hands a nicer one in. */
export const plainProblemPage: ProblemPage = problem => {
  const id = problem.status >= 500 ? `<p><small>${escapeHtml(problem.requestId)}</small></p>` : ''
  return (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    `<title>${escapeHtml(problem.title)}</title><body style="font:1rem/1.6 system-ui;max-width:36rem;margin:4rem auto;padding:0 1rem">` +
    `<h1>${escapeHtml(problem.title)}</h1><p>${escapeHtml(problem.message)}</p>${id}<p><a href="/">Home</a></p></body></html>`
  )
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
