import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../clock.ts'
import { Corruption, Refusal } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Observer } from './access.ts'
import { answerProblem, faultProblem, type Problem, type ProblemPage, refusalProblem } from './answer.ts'
import type { OpenContext, OpenContextOf } from './context.ts'
import { isLocalHost } from './host.ts'
import type { Router } from './router.ts'
import { answerUpgradeProblem } from './upgrade.ts'

interface DispatchOptions {
  readonly router: Router
  readonly contextOf: OpenContextOf
  readonly observer: Observer
  readonly page: ProblemPage
  readonly localHostsOnly: boolean
  readonly clock: Clock
  readonly log: Logger
  readonly onCorruption: (corruption: Corruption) => void
}

/** Takes requests and upgrades to their routes, answers what goes wrong, and knows what is under way. */
export interface Dispatch {
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** From now on connections are closed after their answer, and upgrades refused. */
  stopAccepting(): void
  /** Ends the signals of everything under way. */
  abortAll(): void
  /** Cuts upgraded connections. */
  destroyUpgraded(): void
}

/** After its answer a request may still be sent for this long. */
const restMsMax = 2000

/** `afterResponse` is called whenever an answer has ended. */
export function createDispatch(options: DispatchOptions, afterResponse: () => void): Dispatch {
  const { router, contextOf, observer, page } = options
  const open = new Set<OpenContext>()
  const upgraded = new Set<Duplex>()
  let closing = false

  const problemOf = (error: unknown, context: OpenContext): Problem => {
    if (error instanceof Refusal) return refusalProblem(error, context.id)
    if (error instanceof Corruption) options.onCorruption(error)
    options.log.error({ error, request: context.id }, 'a request failed')
    return faultProblem(context.id)
  }

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const context = contextOf(request)
    const path = pathOf(request.url ?? '/')
    const observed = observer.begin('request', request, context, path)
    open.add(context)
    if (closing) response.setHeader('connection', 'close')
    response.once('close', () => {
      open.delete(context)
      if (!response.writableFinished) context.abort()
      else if (!request.complete) cutLater(request)
      // The caller went away before it had the whole answer: nginx's number for that.
      observed.end(response.writableFinished ? response.statusCode : 499)
      if (closing) afterResponse()
    })
    const answerFault = (error: unknown): void => {
      if (!response.headersSent) response.setHeader('x-request-id', context.id)
      answerProblem(request, response, problemOf(error, context), page)
    }
    try {
      if (options.localHostsOnly) refuseForeignHost(context.host)
      const match = router.find(request.method ?? 'GET', path)
      if (match?.route?.writesRequestId !== true) response.setHeader('x-request-id', context.id)
      if (match === undefined) throw new Refusal('missing', 'there is nothing at this address')
      if (match.route === undefined) return answerMethod(request, response, match.methods, context, page)
      observed.route(match.route.path)
      const pending = match.route.handle(request, response, context)
      pending?.catch(answerFault)
    } catch (error) {
      answerFault(error)
    }
  }

  /** What comes after the answer is dropped, so that the connection serves the next request; but not forever. */
  const cutLater = (request: IncomingMessage): void => {
    const { socket } = request
    const cancel = options.clock.after(restMsMax, () => {
      if (!request.complete) socket.destroy()
    })
    socket.once('close', cancel)
    request.once('end', cancel)
  }

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const context = contextOf(request)
    const path = pathOf(request.url ?? '/')
    const observed = observer.begin('socket', request, context, path)
    let status = 101
    open.add(context)
    upgraded.add(socket)
    socket.once('close', () => {
      upgraded.delete(socket)
      open.delete(context)
      context.abort()
      observed.end(status)
    })
    // A peer that resets its connection is no fault of ours; 'close' follows.
    socket.on('error', () => socket.destroy())
    const upgrade = async () => {
      if (options.localHostsOnly) refuseForeignHost(context.host)
      if (closing) throw new Refusal('unavailable', 'the server is stopping')
      const route = router.findUpgrade(path)
      if (route === undefined) throw new Refusal('missing', 'there is no socket at this address')
      observed.route(route.path)
      await route.upgrade(request, socket, head, context)
    }
    upgrade().catch(error => {
      const problem = problemOf(error, context)
      status = problem.status
      answerUpgradeProblem(socket, problem)
    })
  }

  return {
    onRequest,
    onUpgrade,
    stopAccepting: () => {
      closing = true
    },
    abortAll: () => {
      for (const context of open) context.abort()
    },
    destroyUpgraded: () => {
      for (const socket of upgraded) socket.destroy()
    },
  }
}

/** The path without its query. Proxies may send the absolute form (`http://host/path`). */
function pathOf(target: string): string {
  const query = target.indexOf('?')
  const path = query < 0 ? target : target.slice(0, query)
  return path.startsWith('/') ? path : (URL.parse(path)?.pathname ?? '/')
}

function refuseForeignHost(host: string): void {
  if (isLocalHost(host)) return
  throw new Refusal(
    'invalid',
    `this server is in development mode and answers only to names of this machine (localhost, 127.0.0.1, [::1], *.localhost, *.test), not to '${host}'. to serve others, set PUBLIC_URL to an https address`,
    { name: 'ForeignHost' },
  )
}

function answerMethod(
  request: IncomingMessage,
  response: ServerResponse,
  methods: readonly string[],
  context: OpenContext,
  page: ProblemPage,
): void {
  const allow = methods.join(', ')
  if (request.method === 'OPTIONS') {
    response.writeHead(204, { allow }).end()
    return
  }
  answerProblem(
    request,
    response,
    {
      status: 405,
      error: 'MethodNotAllowed',
      title: 'That does not work here',
      message: `expected ${allow} at this address, got ${request.method}`,
      requestId: context.id,
      headers: { allow },
    },
    page,
  )
}
