/** Builds sign-in for browsers: providers, cookies, pages' sessions, routes. */
import { createCookies } from './auth/cookies.ts'
import { createCsrf } from './auth/csrf.ts'
import { createPageSessions } from './auth/page-session.ts'
import { createAuthRoutes } from './auth/routes.ts'
import { createSignIn, type SignInDeps } from './auth/sign-in.ts'
import type { AccountRoom } from './account-room.ts'
import type { PdsDependencies } from './dependencies.ts'
import type { IdentityRoom } from './identity-room.ts'
import type { ChargePage } from './middleware/page-charge.ts'
import type { Providers } from './providers.ts'
import type { SessionRoom } from './session-room.ts'

export type SignInRoom = ReturnType<typeof createSignInRoom>

interface SignInRoomParts {
  readonly identity: IdentityRoom
  readonly sessions: SessionRoom
  readonly accounts: AccountRoom
  readonly providers: Providers
  readonly charge: ChargePage
}

/** Ways in for people with a browser. */
export function createSignInRoom(deps: PdsDependencies, parts: SignInRoomParts) {
  const { settings, production, publicUrl, database, clock, random, log, pages } = deps
  const { policy, createAccount, settleCreationOf } = parts.accounts
  const { development, providers } = parts.providers
  const cookies = createCookies({ production, port: deps.port })
  const csrf = createCsrf({ secret: settings.jwtSecret, publicUrl, production })
  const sessionMs = settings.refreshTokenMs
  const pageSessions = createPageSessions({ database, clock, random, cookies, csrf, sessionMs })
  const pageHttp = { clock, random, cookies, csrf, pages, log }
  const signIn: SignInDeps = { database, clock, random, publicUrl, settleCreationOf }
  return {
    pageSessions,
    pageHttp,
    routes: createAuthRoutes({
      ...pageHttp,
      database,
      pageSessions,
      providers,
      development,
      policy,
      createAccount,
      logIn: parts.sessions.logIn,
      charge: parts.charge,
      signIn: createSignIn(signIn),
      handles: parts.identity.handles,
    }),
  }
}
