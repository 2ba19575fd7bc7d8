/** The relay behind the house's HTTP server: requests in, answers out. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../../kernel/log.ts'
import { Corruption } from '../../kernel/errors.ts'
import { endAfterDraining, hasLargeBodyUnread } from '../../kernel/http/answer.ts'
import { plainAddress } from '../../kernel/http/proxies.ts'
import type { RequestContext, Route } from '../../kernel/http/route.ts'
import type { RelayAnswer, RelayRequest } from '../contract.ts'
import { answerOf, type RelayCore } from '../relay.ts'
import type { SkrepkaSettings } from '../config.ts'
import { answerError, answerUnauthorized } from './answers.ts'
import type { BodyReader } from './body.ts'
import { bodyBytesMaxOf, isMailPath, normalPath } from './paths.ts'

export interface NodeDependencies {
  readonly relay: RelayCore
  readonly bodies: BodyReader
  readonly settings: Pick<SkrepkaSettings, 'httpMaxBodyBytes'>
  readonly log: Logger
}

/** Above this, who sends is asked for before the body is read. */
const trustedBytesMax = 64 * 1024

const nobody = new Uint8Array()

/** The handler of every route of the relay. Throws Corruption only. */
export function createNodeHandler(deps: NodeDependencies): Route['handle'] {
  const { relay, bodies, settings } = deps

  const answerTo = async (request: RelayRequest): Promise<RelayAnswer> => {
    try {
      return await relay.respond(request)
    } catch (error) {
      if (error instanceof Corruption) throw error
      const answer = answerOf(error)
      if (answer !== undefined) return answer
      deps.log.error({ error }, 'a request failed')
      return answerError(500, 'internal error')
    }
  }

  return async (incoming, response, context) => {
    const limited = relay.admit(context.address)
    if (limited !== undefined) return send(incoming, response, limited)
    const path = normalPath(pathOf(incoming.url ?? '/'))
    const request = requestOf(incoming, response, context, path)
    if (incoming.method !== 'POST') return send(incoming, response, await answerTo(request(nobody)))
    const bytesMax = bodyBytesMaxOf(path, settings)
    if (isLargeOfStranger(incoming, path, bytesMax) && !(await relay.isKnown(request(nobody)))) {
      return send(incoming, response, answerUnauthorized)
    }
    const body = await bodies.read(incoming, bytesMax)
    if ('refused' in body) return send(incoming, response, body.refused)
    if (isMailPath(path)) {
      try {
        return await send(incoming, response, await answerTo(request(body.bytes)))
      } finally {
        body.release()
      }
    }
    body.release()
    // A poll is held for long, and must not hold what its body was cut from.
    return send(incoming, response, await answerTo(request(new Uint8Array(body.bytes))))
  }
}

/** Whether a body is so large that a token has to come with it. Other relays have none. */
function isLargeOfStranger({ headers }: IncomingMessage, path: string, bytesMax: number): boolean {
  if (path !== '/messages') return false
  const length = Number(headers['content-length'] ?? Number.POSITIVE_INFINITY)
  return length > trustedBytesMax && length <= bytesMax
}

function pathOf(target: string): string {
  const query = target.indexOf('?')
  const path = query < 0 ? target : target.slice(0, query)
  return path.startsWith('/') ? path : (URL.parse(path)?.pathname ?? '/')
}

function requestOf(
  incoming: IncomingMessage,
  response: ServerResponse,
  context: RequestContext,
  path: string,
): (body: Uint8Array) => RelayRequest {
  const { headers, url = '/' } = incoming
  const query = url.indexOf('?')
  const forwarded =
    headers['x-forwarded-for'] !== undefined &&
    context.address !== plainAddress(incoming.socket.remoteAddress ?? '')
  return body => ({
    method: incoming.method ?? 'GET',
    path,
    query: query < 0 ? '' : url.slice(query + 1),
    header: name => {
      const value = headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    body,
    address: context.address,
    forwarded,
    get signal() {
      return context.signal
    },
    onGone: listener => void response.once('close', listener),
  })
}

/** Writes an answer; resolves when it is handed over, or nobody reads it any more. */
async function send(incoming: IncomingMessage, response: ServerResponse, answer: RelayAnswer): Promise<void> {
  const { status, body } = answer
  if (response.destroyed) return
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) {
    response.writeHead(status, answer.headers)
    return stream(response, body)
  }
  const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  if (hasLargeBodyUnread(incoming)) {
    response.writeHead(status, { ...answer.headers, 'content-length': bytes, connection: 'close' })
    endAfterDraining(incoming, response, Buffer.from(body))
    return
  }
  response.writeHead(status, status === 204 ? answer.headers : { ...answer.headers, 'content-length': bytes })
  response.end(body)
}

async function stream(response: ServerResponse, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of body) {
    if (response.destroyed) return
    if (!response.write(piece)) await drained(response)
  }
  response.end()
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.once('drain', done).once('close', done)
  })
}
