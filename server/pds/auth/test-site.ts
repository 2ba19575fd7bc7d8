/** Sign-in over HTTP for tests, with pages as plain as can be and the development provider. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRouter } from '../../kernel/http/router.ts'
import { silentLogger } from '../../kernel/log.ts'
import { createVisitor, type Page, textOf } from '../../test/support/visitor.ts'
import type { RateClass } from '../xrpc/method.ts'
import { createDevelopmentProvider, type DevelopmentProvider } from './development.ts'
import type { AuthPages } from './pages.ts'
import { createAuthRoutes } from './routes.ts'
import { createSignIn } from './sign-in.ts'
import type { SignUp } from './sign-up-policy.ts'
import type { AuthHouse } from './test-house.ts'

const escape = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
const hidden = (fields: Readonly<Record<string, string>>) =>
  Object.entries(fields)
    .map(([name, value]) => `<input name="${name}" value="${escape(value)}">`)
    .join('')
/** A form of hidden fields. */
export const form = (action: string, fields: Readonly<Record<string, string>>) =>
  `<form method="post" action="${action}">${hidden(fields)}</form>`

/** The pages, as plain as can be. */
const pages: AuthPages = {
  signIn: ({ action, csrf, returnTo, identifier, notice, providers }) =>
    `<main>sign-in ${notice?.text ?? ''} ${providers.map(one => `<a href="${one.start}">${one.label}</a>`).join('')}
     ${form(action, { csrf, return_to: returnTo, identifier, password: '' })}</main>`,
  chooseHandle: ({ action, csrf, name, domain, fault, email, provider }) =>
    `<main>choose ${provider} ${email?.address} ${fault ?? ''}
     ${form(action, { csrf, name, domain, use_email: 'on', invite_code: '' })}</main>`,
  developmentAuthorize: ({ action, csrf, fields, fault }) =>
    `<main>who? ${fault ?? ''} ${form(action, { ...fields, csrf, name: '' })}</main>`,
  forward: ({ href, label }) => `<main><a href="${escape(href)}">on to ${label}</a></main>`,
  problem: ({ title, what, next }) => `<main>${title} ${what} ${next}</main>`,
}

export interface AuthSite {
  readonly url: string
  readonly development: DevelopmentProvider
  /** What was charged to rate limits: class and key. */
  readonly charged: readonly string[]
  close(): Promise<void>
}

/** Serves the routes of sign-in for a house. */
export async function openAuthSite(house: AuthHouse, signUp: SignUp): Promise<AuthSite> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  const { database, clock, random } = house
  const development = createDevelopmentProvider({
    database,
    clock,
    random,
    production: false,
    publicUrl: url,
  })
  const charged: string[] = []
  const routes = createAuthRoutes({
    ...house,
    policy: { signUp, migrationIn: false },
    pages,
    log: silentLogger,
    providers: [development],
    development,
    signIn: createSignIn({
      database,
      clock,
      random,
      publicUrl: url,
      settleCreationOf: house.settleCreationOf,
    }),
    charge: async (rateClass: RateClass, key: string) => void charged.push(`${rateClass} ${key}`),
  })
  const router = createRouter([{ name: 'pds', routes, upgrades: [] }])
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const match = router.find(request.method ?? '', (request.url ?? '').split('?')[0] ?? '')
    if (match?.route === undefined) return void response.writeHead(404).end('<main>elsewhere</main>')
    const { signal } = new AbortController()
    const host = request.headers.host ?? ''
    const context = { id: '1', address: '192.0.2.1', secure: false, host, signal }
    Promise.resolve(match.route.handle(request, response, context)).catch(error => {
      response.writeHead(500).end(String(error))
    })
  })
  return {
    url,
    development,
    charged,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

type Visitor = ReturnType<typeof createVisitor>

/** What visitors of a site do in tests. */
export function createSteps(house: AuthHouse, site: AuthSite) {
  const sessionOf = (who: Visitor) =>
    house.pageSessions.read([...who.cookies()].map(([name, value]) => `${name}=${value}`).join('; '))
  const arrive = async (who: Visitor, name: string, start = '/pds/auth/dev') =>
    who.submit(await who.go(start), '/pds/auth/dev/authorize', { name })
  return {
    visitor: () => createVisitor(site.url),
    /** Through the development provider, to where that leads. */
    arrive,
    /** A first sign-in, with the name as handle. */
    join: async (who: Visitor, name: string) =>
      who.submit(await arrive(who, name), '/pds/auth/create', { name }),
    sessionOf,
    handleOf: async (who: Visitor) => (await sessionOf(who))?.account.handle,
  }
}

/** A page has this status and these words. */
export function expectPage(page: Page, status: number, words: RegExp): void {
  assert.equal(page.status, status, textOf(page))
  assert.match(page.html, words)
}
