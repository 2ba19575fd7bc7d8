/** One exchange with a browser: forms in, pages and redirects out, faults as pages. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { refusalStatus } from '../../kernel/http/answer.ts'
import { readBody } from '../../kernel/http/body.ts'
import { pageHeaders, setHeaders } from '../../kernel/http/headers.ts'
import type { RequestContext, Route } from '../../kernel/http/route.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Random } from '../../kernel/random.ts'
import type { Cookies } from './cookies.ts'
import type { Csrf } from './csrf.ts'
import type { AuthPages } from './pages.ts'
import type { Origin } from './session.ts'
import { faultPage, SignInFault } from './sign-in-fault.ts'
import { registrationMs } from './sign-in-state.ts'

const formBytesMax = 16_384
const formTimeoutMs = 10_000

export interface PageHttpDeps {
  readonly clock: Clock
  readonly random: Random
  readonly cookies: Cookies
  readonly csrf: Csrf
  readonly pages: AuthPages
  readonly log: Logger
}

/** One request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly context: RequestContext
  readonly query: URLSearchParams
}

/** A route whose faults are answered with pages. */
export function pageRoute(
  method: 'GET' | 'POST',
  path: string,
  handle: (exchange: Exchange) => Promise<void>,
  deps: PageHttpDeps,
): Route {
  return {
    path,
    methods: [method],
    handle: async (request, response, context) => {
      const query = new URLSearchParams((request.url ?? '').split('?')[1] ?? '')
      const exchange = { request, response, context, query }
      try {
        await handle(exchange)
      } catch (error) {
        if (error instanceof SignInFault) answerFault(exchange, error, deps)
        else if (error instanceof Refusal) answerRefusal(exchange, error, deps)
        else throw error
      }
    },
  }
}

/** Answers with a whole document. */
export function sendPage(
  { response, context }: Exchange,
  page: { readonly html: string; readonly status?: number; readonly cookies?: readonly string[] },
): void {
  setHeaders(response, pageHeaders({ secure: context.secure }))
  if (page.cookies !== undefined && page.cookies.length > 0) response.setHeader('set-cookie', page.cookies)
  response.setHeader('cache-control', 'no-store')
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.writeHead(page.status ?? 200).end(page.html)
}

/** 303: the browser goes on with a GET. */
export function seeOther({ response }: Exchange, location: string, cookies: readonly string[] = []): void {
  if (cookies.length > 0) response.setHeader('set-cookie', cookies)
  response.writeHead(303, { location, 'cache-control': 'no-store', 'content-length': '0' }).end()
}

/** The fields of a posted form. Throws Refusal for anything else. */
export async function readForm({ request }: Exchange, clock: Clock): Promise<URLSearchParams> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') {
    throw new Refusal('unsupported-media', 'expected application/x-www-form-urlencoded')
  }
  const body = await readBody(request, { bytesMax: formBytesMax, timeoutMs: formTimeoutMs, clock })
  const form = new URLSearchParams(body.toString())
  // No database takes it, and no person types it.
  for (const value of form.values()) {
    if (value.includes('\0')) throw new Refusal('invalid', 'a field of the form contains NUL')
  }
  return form
}

/** The browser's secret, from its cookie or a new one, and the `Set-Cookie` that keeps it. */
export function browserOf({ request }: Exchange, deps: Pick<PageHttpDeps, 'cookies' | 'random'>) {
  const { cookies, random } = deps
  const known = cookies.read(request.headers.cookie, 'browser')
  const browser = known ?? Buffer.from(random.bytes(24)).toString('base64url')
  return { browser, cookie: cookies.set('browser', browser, registrationMs) }
}

/** What the forms of a browser are bound to before anybody is signed in. */
export function browserBinding(browser: string): string {
  return `browser:${browser}`
}

/** Throws unless a form is ours. `binding` undefined: there is nothing that it could be bound to. */
export function assertForm(
  { request, context }: Exchange,
  form: URLSearchParams,
  binding: string | undefined,
  csrf: Csrf,
): void {
  const { origin } = request.headers
  const token = binding === undefined ? '' : (form.get('csrf') ?? '')
  csrf.assert({ binding: binding ?? '', token, origin, host: context.host })
}

/** Where a session is opened, for the list of devices. */
export function originOf({ request, context }: Exchange): Origin {
  return { device: request.headers['user-agent'] ?? '', address: context.address }
}

const worthAWarning: readonly string[] = ['misconfigured', 'untrusted', 'unreachable', 'limited']

function answerFault(exchange: Exchange, fault: SignInFault, { pages, log }: PageHttpDeps): void {
  const { status, model } = faultPage(fault)
  const fields = { error: fault, provider: fault.provider, kind: fault.kind, request: exchange.context.id }
  if (worthAWarning.includes(fault.kind)) log.warn(fields, 'a sign-in failed')
  else log.debug(fields, 'a sign-in did not come to its end')
  sendPage(exchange, { status, html: pages.problem(model) })
}

function answerRefusal(exchange: Exchange, refusal: Refusal, { pages }: PageHttpDeps): void {
  const { retryAfterMs } = refusal
  if (retryAfterMs !== undefined) {
    exchange.response.setHeader('retry-after', String(Math.max(1, Math.ceil(retryAfterMs / 1000))))
  }
  const html = pages.problem({
    title: refusal.code === 'limited' ? 'That was too often' : 'That did not work',
    what: `${sentence(refusal.message)} Nothing was changed.`,
    next: refusal.code === 'limited' ? 'Please wait a little.' : 'Please try again.',
    link: { href: '/sign-in', label: 'To the sign-in page' },
  })
  sendPage(exchange, { status: refusalStatus(refusal), html })
}

/** An error's message as a sentence for people. */
export function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1)
  return /[.!?]$/.test(text) ? text : `${text}.`
}
