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
import type { BodyReader, ReadBody } from './body.ts'
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

  const faultAnswer = (error: unknown): RelayAnswer => {
    if (error instanceof Corruption) throw error
    const answer = answerOf(error)
    if (answer !== undefined) return answer
    deps.log.error({ error }, 'a request failed')
    return answerError(500, 'internal error')
  }
  /** Answers a call. As few promises as can be: a held poll keeps each of them. */
  const answerTo = (call: Call, body: Uint8Array, release?: () => void): Promise<void> =>
    relay.respond(requestOf(call, body)).then(
      answer => {
        release?.()
        return send(call, answer)
      },
      (error: unknown) => {
        release?.()
        return send(call, faultAnswer(error))
      },
    )

  const handleBody = (call: Call, body: ReadBody): Promise<void> => {
    if ('refused' in body) return send(call, body.refused)
    if (isMailPath(call.path)) return answerTo(call, body.bytes, body.release)
    body.release()
    // A poll is held for long, and must not hold what its body was cut from, nor frames of functions that wait for it.
    return answerTo(call, new Uint8Array(body.bytes))
  }
  const handlePost = (call: Call): Promise<void> => {
    const { incoming, path } = call
    const bytesMax = bodyBytesMaxOf(path, settings)
    const read = () => bodies.read(incoming, bytesMax).then(body => handleBody(call, body))
    if (!isLargeOfStranger(incoming, path, bytesMax)) return read()
    return relay
      .isKnown(requestOf(call, nobody))
      .then(isKnown => (isKnown ? read() : send(call, answerUnauthorized)))
  }

  return (incoming, response, context) => {
    const call = { incoming, response, context, path: normalPath(pathOf(incoming.url ?? '/')) }
    const limited = relay.admit(context.address)
    if (limited !== undefined) return send(call, limited)
    if (incoming.method === 'POST') return handlePost(call)
    return answerTo(call, nobody)
  }
}

interface Call {
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  readonly context: RequestContext
  readonly path: string
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

function requestOf({ incoming, response, context, path }: Call, body: Uint8Array): RelayRequest {
  const { headers, url = '/' } = incoming
  const query = url.indexOf('?')
  const forwarded =
    headers['x-forwarded-for'] !== undefined &&
    context.address !== plainAddress(incoming.socket.remoteAddress ?? '')
  return {
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
  }
}

const done: Promise<void> = Promise.resolve()

/** Writes an answer; resolves when it is handed over, or nobody reads it any more. */
function send({ incoming, response, context }: Call, { status, headers, body }: RelayAnswer): Promise<void> {
  if (response.destroyed) return done
  const id = { 'x-request-id': context.id }
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) {
    response.writeHead(status, { ...headers, ...id })
    return stream(response, body)
  }
  const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  const head = status === 204 ? { ...headers, ...id } : { ...headers, ...id, 'content-length': bytes }
  if (hasLargeBodyUnread(incoming)) {
    response.writeHead(status, { ...head, connection: 'close' })
    endAfterDraining(incoming, response, Buffer.from(body))
  } else response.writeHead(status, head).end(body)
  return done
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
    const goOn = () => {
      response.off('drain', goOn).off('close', goOn)
      resolve()
    }
    response.once('drain', goOn).once('close', goOn)
  })
}
