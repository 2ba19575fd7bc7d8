/** The sign-in page, its password form, and signing out. */
import { Refusal } from '../../kernel/errors.ts'
import type { Route } from '../../kernel/http/route.ts'
import type { Database } from '../../kernel/storage/database.ts'
import type { RateClass } from '../xrpc/method.ts'
import { deleteSession } from '../database/sessions.ts'
import type { LogIn } from './log-in.ts'
import {
  assertForm,
  browserBinding,
  browserOf,
  type Exchange,
  originOf,
  type PageHttpDeps,
  pageRoute,
  readForm,
  seeOther,
  sendPage,
} from './page-http.ts'
import { type PageSessions, sessionBinding } from './page-session.ts'
import type { Notice } from './pages.ts'
import type { SignInProvider } from './provider.ts'
import { safeReturnTo } from './return-to.ts'
import type { SignUpPolicy } from './sign-up-policy.ts'

export interface SignInRouteDeps extends PageHttpDeps {
  readonly database: Database
  readonly pageSessions: PageSessions
  readonly providers: readonly SignInProvider[]
  readonly policy: SignUpPolicy
  readonly logIn: LogIn
  /** Charges a class of rate limits; throws Refusal 'limited'. */
  readonly charge: (rateClass: RateClass, key: string) => Promise<void>
}

/** `/sign-in`, `/pds/auth/sign-in`, `/pds/auth/sign-out` */
export function signInRoutes(deps: SignInRouteDeps): Route[] {
  return [
    pageRoute('GET', '/sign-in', exchange => showSignIn(exchange, deps), deps),
    pageRoute('POST', '/pds/auth/sign-in', exchange => signInByPassword(exchange, deps), deps),
    pageRoute('POST', '/pds/auth/sign-out', exchange => signOut(exchange, deps), deps),
  ]
}

async function showSignIn(exchange: Exchange, deps: SignInRouteDeps): Promise<void> {
  const returnTo = safeReturnTo(exchange.query.get('return_to'))
  const session = await deps.pageSessions.read(exchange.request.headers.cookie)
  if (session !== undefined) seeOther(exchange, returnTo)
  else sendSignIn(exchange, deps, { returnTo, identifier: '' })
}

interface SignInView {
  readonly returnTo: string
  readonly identifier: string
  readonly fault?: { readonly status: number; readonly notice: Notice }
}

function sendSignIn(exchange: Exchange, deps: SignInRouteDeps, view: SignInView): void {
  const { browser, cookie } = browserOf(exchange, deps)
  const html = deps.pages.signIn({
    providers: deps.providers.map(({ id, label }) => ({ id, label, start: `/pds/auth/${id}` })),
    returnTo: view.returnTo,
    passwordAllowed: true,
    signUp: deps.policy.signUp,
    identifier: view.identifier,
    notice: view.fault?.notice,
    action: '/pds/auth/sign-in',
    csrf: deps.csrf.token(browserBinding(browser)),
  })
  sendPage(exchange, { html, status: view.fault?.status ?? 200, cookies: [cookie] })
}

async function signInByPassword(exchange: Exchange, deps: SignInRouteDeps): Promise<void> {
  const form = await readForm(exchange, deps.clock)
  const browser = deps.cookies.read(exchange.request.headers.cookie, 'browser')
  assertForm(exchange, form, browser === undefined ? undefined : browserBinding(browser), deps.csrf)
  const identifier = form.get('identifier') ?? ''
  const returnTo = safeReturnTo(form.get('return_to'))
  const refused = (status: number, text: string) =>
    sendSignIn(exchange, deps, { returnTo, identifier, fault: { status, notice: { kind: 'bad', text } } })
  await deps.charge('auth', `${identifier.slice(0, 256)} ${exchange.context.address}`)
  try {
    const password = form.get('password') ?? ''
    const { account, kind } = await deps.logIn({ identifier, password, allowTakendown: false })
    if (kind === 'access') return await enter(exchange, { account: account.id, returnTo }, deps)
    refused(
      401,
      'This is an app password: it is for apps. Here the password of the account itself is needed.',
    )
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'unauthenticated') throw error
    refused(401, 'The name or the password is not right.')
  }
}

/** Opens a page session, in place of one that the browser had, and goes on. */
export async function enter(
  exchange: Exchange,
  to: { readonly account: number; readonly returnTo: string },
  deps: Pick<SignInRouteDeps, 'database' | 'pageSessions'>,
): Promise<void> {
  const before = await deps.pageSessions.read(exchange.request.headers.cookie)
  const cookie = await deps.database.write(async tx => {
    if (before !== undefined) await deleteSession(tx, before.sessionId)
    return deps.pageSessions.open(tx, to.account, originOf(exchange))
  })
  seeOther(exchange, to.returnTo, [cookie])
}

async function signOut(exchange: Exchange, deps: SignInRouteDeps): Promise<void> {
  const form = await readForm(exchange, deps.clock)
  const session = await deps.pageSessions.read(exchange.request.headers.cookie)
  if (session === undefined) return seeOther(exchange, '/', [deps.cookies.clear('session')])
  assertForm(exchange, form, sessionBinding(session.sessionId), deps.csrf)
  seeOther(exchange, '/', [await deps.pageSessions.end(session.sessionId)])
}
