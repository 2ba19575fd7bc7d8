/** Everything that sign-in serves to browsers. */
import type { Route } from '../../kernel/http/route.ts'
import { type ChooseHandleDeps, chooseHandleRoutes } from './choose-handle-routes.ts'
import type { DevelopmentProvider } from './development.ts'
import { developmentRoutes } from './development-routes.ts'
import { pageRoute, sendPage } from './page-http.ts'
import { type ProviderRouteDeps, providerRoutes } from './provider-routes.ts'
import { signInRoutes } from './sign-in-routes.ts'

export interface AuthRouteDeps extends ProviderRouteDeps, ChooseHandleDeps {
  /** In development alone; also one of `providers`. */
  readonly development: DevelopmentProvider | undefined
}

/** `/sign-in` and `/pds/auth/*` */
export function createAuthRoutes(deps: AuthRouteDeps): Route[] {
  const { development } = deps
  return [
    ...signInRoutes(deps),
    ...chooseHandleRoutes(deps),
    ...providerRoutes(deps),
    ...(development === undefined ? [] : developmentRoutes({ ...deps, provider: development })),
    pageRoute('GET', '/pds/auth/*', async exchange => sendPage(exchange, notSetUp(deps)), deps),
  ]
}

/** A provider of the documentation that this server does not have. */
function notSetUp({ pages }: AuthRouteDeps) {
  const html = pages.problem({
    title: 'There is no such way in',
    what: 'This server does not know this sign-in provider, or it is not set up here.',
    next: 'Please choose one of the ways in that there are.',
    link: { href: '/sign-in', label: 'To the sign-in page' },
  })
  return { status: 404, html }
}
