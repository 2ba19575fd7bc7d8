/**
 * Session tokens: HS256 JWTs with the reference's `typ` and claims, and the session's id in `sid`. An access token
 * says who; whether the session still stands is looked up by the guard.
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Did } from '../../kernel/identity/types.ts'
import { jwtCharsMax, jwtPart } from '../../kernel/jwt.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { SessionScope } from './credentials.ts'
import { isHs256, signHs256 } from './jwt.ts'

/** What an access token says. */
export interface AccessClaims {
  readonly did: Did
  readonly scope: SessionScope
  readonly sessionId: string
}

/** What a refresh token says. */
export interface RefreshClaims {
  readonly did: Did
  readonly sessionId: string
  readonly jti: string
  /** Seconds since the epoch, as in the token. */
  readonly issuedAtS: number
  readonly expiresAtS: number
}

/** Makes and reads session tokens. */
export interface Tokens {
  /** A new access token. */
  access(claims: AccessClaims): string
  /** A refresh token; the same claims give the same bytes. */
  refresh(claims: RefreshClaims): string
  /** Throws InvalidToken or ExpiredToken (both 400, as clients expect). */
  readAccess(token: string): AccessClaims
  readRefresh(token: string, options?: { readonly allowExpired?: boolean }): RefreshClaims
}

export interface TokensDeps {
  readonly clock: Clock
  /** PDS_JWT_SECRET. */
  readonly secret: string
  /** The `aud` of every token: `did:web:<hostname>`. */
  readonly serviceDid: string
  readonly accessMs: number
}

const accessHeader = jwtPart({ typ: 'at+jwt', alg: 'HS256' })
const refreshHeader = jwtPart({ typ: 'refresh+jwt', alg: 'HS256' })
const scopes: readonly string[] = [
  'com.atproto.access',
  'com.atproto.appPass',
  'com.atproto.appPassPrivileged',
  'com.atproto.takendown',
] satisfies SessionScope[]
const refreshScope = 'com.atproto.refresh'

/** Makes and reads session tokens. */
export function createTokens(deps: TokensDeps): Tokens {
  const { clock, serviceDid } = deps
  const key = createSecretKey(Buffer.from(deps.secret))
  const read = (token: string, header: string, allowExpired: boolean): Payload => {
    const payload = verified(token, header, key)
    if (payload.aud !== serviceDid) throw unverified()
    if (!allowExpired && payload.exp * 1000 <= clock.now()) throw refuse('ExpiredToken', 'Token has expired')
    return payload
  }
  return {
    access: ({ did, scope, sessionId }) => {
      const iat = Math.floor(clock.now() / 1000)
      const exp = iat + Math.floor(deps.accessMs / 1000)
      const claims = { scope, aud: serviceDid, sub: did, iat, exp, sid: sessionId }
      return signHs256(`${accessHeader}.${jwtPart(claims)}`, key)
    },
    refresh: ({ did, sessionId, jti, issuedAtS, expiresAtS }) => {
      const lifetime = { iat: issuedAtS, exp: expiresAtS }
      const claims = { scope: refreshScope, aud: serviceDid, sub: did, jti, ...lifetime, sid: sessionId }
      return signHs256(`${refreshHeader}.${jwtPart(claims)}`, key)
    },
    readAccess: token => {
      const { scope, sub, sid } = read(token, accessHeader, false)
      if (!scopes.includes(scope)) throw refuse('InvalidToken', 'Bad token scope')
      return { did: sub, scope: scope as SessionScope, sessionId: sid } // in the list, as checked above
    },
    readRefresh: (token, options = {}) => {
      const { scope, sub, sid, jti, iat, exp } = read(token, refreshHeader, options.allowExpired === true)
      if (scope !== refreshScope || jti === undefined) throw refuse('InvalidToken', 'Bad token scope')
      return { did: sub, sessionId: sid, jti, issuedAtS: iat, expiresAtS: exp }
    },
  }
}

interface Payload {
  readonly scope: string
  readonly aud: string
  readonly sub: Did
  readonly iat: number
  readonly exp: number
  readonly sid: string
  readonly jti?: string
}

const unverified = () => refuse('InvalidToken', 'Token could not be verified')

/** Nobody but this server signs with the key, so the header is compared as text and the claims are trusted after it. */
function verified(token: string, header: string, key: KeyObject): Payload {
  const end = token.lastIndexOf('.')
  if (token.length > jwtCharsMax || !token.startsWith(`${header}.`) || end <= header.length)
    throw unverified()
  const signed = token.slice(0, end)
  if (!isHs256(signed, Buffer.from(token.slice(end + 1), 'base64url'), key)) throw unverified()
  const payload: unknown = JSON.parse(Buffer.from(signed.slice(header.length + 1), 'base64url').toString())
  if (!isPayload(payload)) throw refuse('InvalidToken', 'Malformed token')
  return payload
}

function isPayload(value: unknown): value is Payload {
  if (typeof value !== 'object' || value === null) return false
  const claims = value as Record<string, unknown> // an object, as checked above
  return (
    typeof claims['scope'] === 'string' &&
    typeof claims['aud'] === 'string' &&
    typeof claims['sub'] === 'string' &&
    /^did:[a-z]+:/.test(claims['sub']) &&
    typeof claims['iat'] === 'number' &&
    typeof claims['exp'] === 'number' &&
    typeof claims['sid'] === 'string' &&
    (claims['jti'] === undefined || typeof claims['jti'] === 'string')
  )
}
