/** Builds sessions, passwords and the guard: who is calling. */
import { atprotoKeyOf } from '../kernel/identity/document.ts'
import { verifySignature } from '../kernel/keys.ts'
import { createAppPasswords } from './auth/app-passwords.ts'
import { createAuthenticate } from './auth/guard.ts'
import { createLogIn } from './auth/log-in.ts'
import { createPasswords } from './auth/password.ts'
import { createServiceJwtCheck } from './auth/service-jwt.ts'
import { createSessions } from './auth/session.ts'
import { createTokens } from './auth/token.ts'
import type { PdsDependencies, Place } from './dependencies.ts'

export type SessionRoom = ReturnType<typeof createSessionRoom>

/** Sessions of clients, and the passwords that open them. */
export function createSessionRoom(deps: PdsDependencies, { serviceDid }: Place) {
  const { settings, database, clock, random, resolver } = deps
  const tokens = createTokens({
    clock,
    secret: settings.jwtSecret,
    serviceDid,
    accessMs: settings.accessTokenMs,
  })
  const passwords = createPasswords({ random })
  const checkServiceJwt = createServiceJwtCheck({
    clock,
    serviceDid,
    resolver,
    signingKeyOf: atprotoKeyOf,
    verifySignature,
  })
  return {
    passwords,
    sessions: createSessions({ database, clock, random, tokens, refreshMs: settings.refreshTokenMs }),
    authenticate: createAuthenticate({ database, clock, tokens, checkServiceJwt }),
    appPasswords: createAppPasswords({ database, clock, random }),
    logIn: createLogIn({ database, passwords }),
  }
}
