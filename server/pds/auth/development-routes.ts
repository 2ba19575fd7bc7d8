/** The development provider's own page. */
import type { Route } from '../../kernel/http/route.ts'
import type { DevelopmentProvider } from './development.ts'
import {
  assertForm,
  browserBinding,
  browserOf,
  type Exchange,
  type PageHttpDeps,
  pageRoute,
  readForm,
  seeOther,
  sendPage,
} from './page-http.ts'

const path = '/pds/auth/dev/authorize'
const fieldNames = ['state', 'code_challenge', 'redirect_uri'] as const

export interface DevelopmentRouteDeps extends PageHttpDeps {
  readonly provider: DevelopmentProvider
}

/** `/pds/auth/dev/authorize` */
export function developmentRoutes(deps: DevelopmentRouteDeps): Route[] {
  return [
    pageRoute('GET', path, async exchange => sendAuthorize(exchange, exchange.query, deps), deps),
    pageRoute('POST', path, exchange => authorize(exchange, deps), deps),
  ]
}

function sendAuthorize(
  exchange: Exchange,
  given: URLSearchParams,
  deps: DevelopmentRouteDeps,
  fault?: string,
): void {
  const { browser, cookie } = browserOf(exchange, deps)
  const html = deps.pages.developmentAuthorize({
    fields: Object.fromEntries(fieldNames.map(name => [name, given.get(name) ?? ''])),
    name: given.get('name') ?? '',
    fault,
    action: path,
    csrf: deps.csrf.token(browserBinding(browser)),
  })
  sendPage(exchange, { html, status: fault === undefined ? 200 : 400, cookies: [cookie] })
}

async function authorize(exchange: Exchange, deps: DevelopmentRouteDeps): Promise<void> {
  const form = await readForm(exchange, deps.clock)
  const browser = deps.cookies.read(exchange.request.headers.cookie, 'browser')
  assertForm(exchange, form, browser === undefined ? undefined : browserBinding(browser), deps.csrf)
  const next = await deps.provider.authorize({
    name: form.get('name') ?? '',
    state: form.get('state') ?? '',
    codeChallenge: form.get('code_challenge') ?? '',
    redirectUri: form.get('redirect_uri') ?? '',
  })
  if (next !== undefined) return seeOther(exchange, next)
  sendAuthorize(exchange, form, deps, 'Please choose a name of letters, digits and hyphens.')
}
