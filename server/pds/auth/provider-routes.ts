/** The routes of each sign-in provider: begin, come back, link. */
import type { Route } from '../../kernel/http/route.ts'
import { assertForm, browserOf, type Exchange, pageRoute, readForm, seeOther, sendPage } from './page-http.ts'
import { sessionBinding } from './page-session.ts'
import type { SignInProvider } from './provider.ts'
import { safeReturnTo } from './return-to.ts'
import type { SignIn } from './sign-in.ts'
import { enter, type SignInRouteDeps } from './sign-in-routes.ts'

export interface ProviderRouteDeps extends SignInRouteDeps {
  readonly signIn: SignIn
}

/** `/pds/auth/<id>`, `/pds/auth/<id>/callback`, `/pds/auth/<id>/link` for every configured provider. */
export function providerRoutes(deps: ProviderRouteDeps): Route[] {
  return deps.providers.flatMap(provider => {
    const path = `/pds/auth/${provider.id}`
    return [
      pageRoute('GET', path, exchange => begin(exchange, provider, deps), deps),
      pageRoute('GET', `${path}/callback`, exchange => comeBack(exchange, provider, deps), deps),
      pageRoute('POST', `${path}/link`, exchange => beginLink(exchange, provider, deps), deps),
    ]
  })
}

async function begin(exchange: Exchange, provider: SignInProvider, deps: ProviderRouteDeps): Promise<void> {
  await deps.charge('auth', `sign-in ${exchange.context.address}`)
  const { browser, cookie } = browserOf(exchange, deps)
  const returnTo = safeReturnTo(exchange.query.get('return_to'))
  seeOther(exchange, await deps.signIn.begin({ provider, browser, returnTo, link: null }), [cookie])
}

async function comeBack(
  exchange: Exchange,
  provider: SignInProvider,
  deps: ProviderRouteDeps,
): Promise<void> {
  const browser = deps.cookies.read(exchange.request.headers.cookie, 'browser')
  const done = await deps.signIn.finish({ provider, browser, query: exchange.query })
  switch (done.kind) {
    case 'known':
      return enter(exchange, { account: done.account.id, returnTo: done.returnTo }, deps)
    case 'linked':
      return seeOther(exchange, done.returnTo)
    case 'unknown':
      return seeOther(exchange, '/pds/auth/create')
  }
}

async function beginLink(
  exchange: Exchange,
  provider: SignInProvider,
  deps: ProviderRouteDeps,
): Promise<void> {
  const form = await readForm(exchange, deps.clock)
  const session = await deps.pageSessions.read(exchange.request.headers.cookie)
  if (session === undefined) return seeOther(exchange, '/sign-in')
  assertForm(exchange, form, sessionBinding(session.sessionId), deps.csrf)
  await deps.charge('auth', `sign-in ${exchange.context.address}`)
  const { browser, cookie } = browserOf(exchange, deps)
  const link = { account: session.account.id, sessionId: session.sessionId }
  const href = await deps.signIn.begin({ provider, browser, returnTo: '/account', link })
  sendPage(exchange, { html: deps.pages.forward({ href, label: provider.label }), cookies: [cookie] })
}
