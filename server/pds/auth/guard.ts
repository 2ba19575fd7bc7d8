/**
 * The guard of every method: reads `Authorization` and gives credentials that satisfy the method's rule, or refuses with
 * the reference's names. A session's id is looked up at every request, so that logging out ends access at once.
 */
import type { Clock } from '../../kernel/clock.ts'
import { parseJwt } from '../../kernel/jwt.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { accountByDid, type AccountStatus } from '../database/accounts.ts'
import { sessionAccount } from '../database/sessions.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { AuthRule, Authenticate, Credentials, SessionScope } from './credentials.ts'
import { scopeOf } from './session.ts'
import type { CheckServiceJwt } from './service-jwt.ts'
import type { Tokens } from './token.ts'

export interface AuthenticateDeps {
  readonly database: Database
  readonly clock: Clock
  readonly tokens: Tokens
  readonly checkServiceJwt: CheckServiceJwt
}

type SessionRule = Extract<AuthRule, { readonly need: 'session' }>
type SessionCredentials = Extract<Credentials, { readonly kind: 'session' }>

const nobody: Credentials = { kind: 'none' }

/** The guard that the dispatcher asks before every call. */
export function createAuthenticate(deps: AuthenticateDeps): Authenticate {
  return async (rule, authorization, nsid) => {
    switch (rule.need) {
      case 'nothing':
        return nobody
      case 'optional':
        return authorization === undefined ? nobody : session(authorization, deps)
      case 'session':
        return sessionFor(rule, authorization, nsid, deps)
      case 'refresh':
        return refreshCredentials(authorization, rule.allowExpired === true, deps)
      case 'optional-service':
        return serviceOrNobody(authorization, nsid, deps)
    }
  }
}

async function sessionFor(
  rule: SessionRule,
  authorization: string | undefined,
  nsid: string,
  deps: AuthenticateDeps,
): Promise<Credentials> {
  if (authorization === undefined) throw refuse('AuthMissing', 'Authentication Required')
  if (rule.service === true && isServiceToken(authorization)) {
    return serviceOfOurs(bearerOf(authorization) ?? '', rule, nsid, deps)
  }
  const credentials = await session(authorization, deps)
  assertScope(credentials.scope, rule)
  assertStatus(credentials.status, rule.also)
  return credentials
}

async function session(authorization: string, deps: AuthenticateDeps): Promise<SessionCredentials> {
  const token = bearerOf(authorization)
  if (token === undefined) throw refuse('InvalidToken', 'Unexpected authorization type')
  const claims = deps.tokens.readAccess(token)
  const row = await sessionAccount(deps.database.direct, claims.sessionId)
  // The name that makes clients try their refresh token, and then sign in anew.
  if (row === undefined || row.expiresAt <= deps.clock.now()) {
    throw refuse('ExpiredToken', 'Token has been revoked')
  }
  if (row.kind === 'page' || row.did !== claims.did || scopeOf(row.kind) !== claims.scope) {
    throw refuse('InvalidToken', 'Token could not be verified')
  }
  const { account, did, status } = row
  return { kind: 'session', did, account, status, sessionId: claims.sessionId, scope: claims.scope }
}

const scopesOf = {
  any: ['com.atproto.access', 'com.atproto.appPassPrivileged', 'com.atproto.appPass'],
  privileged: ['com.atproto.access', 'com.atproto.appPassPrivileged'],
  full: ['com.atproto.access'],
} as const satisfies Record<string, readonly SessionScope[]>

function assertScope(scope: SessionScope, rule: SessionRule): void {
  const allowed: readonly SessionScope[] = scopesOf[rule.scope ?? 'any']
  const leaving = scope === 'com.atproto.takendown' && rule.also?.includes('takendown') === true
  if (!leaving && !allowed.includes(scope)) throw refuse('InvalidToken', 'Bad token scope')
}

/** Throws unless the account is active or of one of the other statuses that may. */
export function assertStatus(status: AccountStatus, also: readonly AccountStatus[] = []): void {
  if (status === 'active' || also.includes(status)) return
  if (status === 'deactivated') throw refuse('AccountDeactivated', 'Account is deactivated')
  throw refuse('AccountTakedown', 'Account has been taken down')
}

async function refreshCredentials(
  authorization: string | undefined,
  allowExpired: boolean,
  deps: AuthenticateDeps,
): Promise<Credentials> {
  const token = authorization === undefined ? undefined : bearerOf(authorization)
  if (token === undefined) throw refuse('AuthMissing', 'Authentication Required')
  const claims = deps.tokens.readRefresh(token, { allowExpired })
  const account = await deps.database.read(tx => accountByDid(tx, claims.did))
  if (account === undefined) throw refuse('ExpiredToken', 'Token has been revoked')
  const { did, sessionId, jti } = claims
  return { kind: 'refresh', did, account: account.id, sessionId, jti, token }
}

async function serviceOrNobody(
  authorization: string | undefined,
  nsid: string,
  deps: AuthenticateDeps,
): Promise<Credentials> {
  if (authorization === undefined) return nobody
  const token = bearerOf(authorization)
  if (token === undefined) throw refuse('AuthenticationRequired', 'Invalid authorization header')
  return { kind: 'service', ...(await deps.checkServiceJwt(token, nsid)) }
}

async function serviceOfOurs(
  token: string,
  rule: SessionRule,
  nsid: string,
  deps: AuthenticateDeps,
): Promise<Credentials> {
  const claims = await deps.checkServiceJwt(token, nsid)
  const account = await deps.database.read(tx => accountByDid(tx, claims.issuer))
  if (account === undefined) throw refuse('AccountNotFound', 'Account not found')
  assertStatus(account.status, rule.also)
  return { kind: 'service', ...claims }
}

/** Only service tokens carry a method; a session's never does. */
function isServiceToken(authorization: string): boolean {
  const token = bearerOf(authorization)
  return token !== undefined && typeof parseJwt(token)?.payload['lxm'] === 'string'
}

/** The bearer token; undefined when the header is of another known scheme. */
function bearerOf(authorization: string): string | undefined {
  const [scheme = '', token, ...rest] = authorization.split(' ')
  if (token === undefined || token === '' || rest.length > 0) {
    throw refuse('InvalidToken', 'Malformed authorization header')
  }
  switch (scheme.toUpperCase()) {
    case 'BEARER':
      return token
    case 'BASIC':
    case 'DPOP':
      return undefined
    default:
      throw refuse('InvalidToken', `Unsupported authorization type: ${scheme.slice(0, 32)}`)
  }
}
