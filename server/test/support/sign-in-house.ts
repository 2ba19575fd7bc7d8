import assert from 'node:assert/strict'
import { get, send } from './http.ts'
import type { Leaf } from './leaf.ts'
import type { Providers } from './providers.ts'
import { createVisitor, type Page, textOf, type Visitor } from './visitor.ts'

/** What the scenarios of sign-in do again and again. */
export interface SignInHouse {
  readonly leaf: () => Leaf
  readonly providers: () => Providers
  /** Somebody with a browser of her own. */
  visitor(): Visitor
  /** Begins to sign in, and goes wherever that leads. */
  start(who: Visitor, provider: string): Promise<Page>
  /** Signs in for the first time, and chooses `handle`. */
  join(who: Visitor, provider: string, handle: string): Promise<Page>
  /** Goes to the provider and gives the address that it sends back to, without following it. */
  begin(who: Visitor, provider: string): Promise<URL>
  didOf(handle: string): Promise<string | undefined>
}

export function createSignInHouse(leaf: () => Leaf, providers: () => Providers): SignInHouse {
  const start = (who: Visitor, provider: string) => who.go(`/pds/auth/${provider}`)
  return {
    leaf,
    providers,
    visitor: () => createVisitor(leaf().url),
    start,
    join: async (who, provider, handle) => {
      const choice = await start(who, provider)
      return who.submit(choice, '/pds/auth/create', { name: handle })
    },
    begin: async (who, provider) => {
      const farEnough = new Error('far enough')
      let back: URL | undefined
      const stopAtCallback = (url: URL) => {
        if (!url.pathname.endsWith('/callback')) return
        back = url
        throw farEnough
      }
      await who.go(`/pds/auth/${provider}`, stopAtCallback).catch((error: unknown) => {
        if (error !== farEnough) throw error
      })
      return back ?? assert.fail('the provider did not send back')
    },
    didOf: async handle => {
      const query = { handle: `${handle}.test` }
      const answer = await send(leaf().url, get('com.atproto.identity.resolveHandle', query))
      return (answer.json as { did?: string }).did
    },
  }
}

/** Signed in, on the account page of `handle`. */
export function expectAccount(page: Page, handle: string): void {
  assert.deepEqual([page.status, page.url.pathname], [200, '/account'], textOf(page))
  assert.ok(page.html.includes(`@${handle}.test`), `expected the page of ${handle}: ${textOf(page)}`)
}

/** A page that says no, and is no fault of the server. */
export function expectNo(page: Page): void {
  assert.ok(page.status >= 400 && page.status !== 500, `expected a refusal, got ${textOf(page)}`)
}

/** Not signed in, told so in a page, and not with a fault of the server. */
export async function expectRefusal(who: Visitor, page: Page): Promise<void> {
  assert.ok(page.status < 500, `expected a calm page, got ${textOf(page)}`)
  assert.ok(page.url.pathname !== '/account', `expected no account page: ${textOf(page)}`)
  const account = await who.go('/account')
  assert.ok(account.url.pathname !== '/account' || account.status >= 400, 'expected to be signed out')
}
