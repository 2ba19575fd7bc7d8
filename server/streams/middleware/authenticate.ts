/** Who a token says she is: the unsafe token of the operator, or a service token of an account. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import { didKeyOfMethod } from '../../kernel/did-key.ts'
import { Refusal } from '../../kernel/errors.ts'
import { isDid } from '../../kernel/identity/did.ts'
import { atprotoKeyOf } from '../../kernel/identity/document.ts'
import type { Did, DidDocument, IdentityResolver } from '../../kernel/identity/types.ts'

import { parseJwt, type ParsedJwt } from '../../kernel/jwt.ts'
import { verifySignature } from '../../kernel/keys.ts'
import { createIssuerCheck } from '../../kernel/service-jwt.ts'
import type { Caller } from '../stream/contract.ts'

/** The method that service tokens for streams name. */
export const authenticateMethod = 'town.muni.leaf.authenticate'

/** Whoever sends no token. */
export const anonymous: Caller = { did: null, unsafe: false }

/** Throws Refusal 'unauthenticated' with upstream's text. */
export type Authenticate = (token: string) => Promise<Caller>

export interface AuthenticateDependencies {
  readonly clock: Clock
  readonly resolver: Pick<IdentityResolver, 'document'>
  /** The audience, and the identity of the unsafe token. */
  readonly serverDid: Did
  readonly unsafeAuthToken: string | undefined
  readonly requireAudience: boolean
  readonly requireMethod: boolean
}

export function createAuthenticate(deps: AuthenticateDependencies): Authenticate {
  const { serverDid, unsafeAuthToken } = deps
  const checkIssuer = createIssuerCheck({ ...deps, signingKeyOf, verifySignature })
  const operator: Caller = { did: serverDid, unsafe: true }
  // Digests have one length, so that not even the secret's length shows in the time that comparing takes.
  const unsafeDigest = unsafeAuthToken === undefined ? undefined : digest(unsafeAuthToken)

  return async token => {
    if (unsafeDigest !== undefined && timingSafeEqual(digest(token), unsafeDigest)) return operator
    const jwt = parseJwt(token)
    if (jwt === undefined) throw refuse('Invalid format for JWT auth token')
    assertAudience(jwt, deps)
    assertMethod(jwt, deps)
    const issuer = issuerOf(jwt)
    assertTime(jwt, deps.clock.now() / 1000)
    switch (await checkIssuer(jwt, issuer)) {
      case 'signed':
        return { did: issuer, unsafe: false }
      case 'no-document':
        throw refuse(`Could not resolve DID: ${issuer}`)
      case 'no-key':
        throw refuse(`Could not find signing key for DID: ${issuer}`)
      case 'wrong-signature':
        throw refuse('Invalid signature for JWT auth token')
    }
  }
}

function assertAudience({ payload }: ParsedJwt, deps: AuthenticateDependencies): void {
  const { aud } = payload
  const { serverDid } = deps
  if (aud === serverDid || aud === `${serverDid}#leaf_server`) return
  if (aud === undefined && !deps.requireAudience) return
  const got = typeof aud === 'string' ? aud : aud === undefined ? 'none' : 'what is no text'
  throw refuse(
    `Invalid JWT audience while parsing auth token: Expected ${serverDid} but got ${got.slice(0, shownMax)}`,
  )
}

function assertMethod({ payload }: ParsedJwt, { requireMethod }: AuthenticateDependencies): void {
  const { lxm } = payload
  if (lxm === authenticateMethod || (lxm === undefined && !requireMethod)) return
  if (typeof lxm !== 'string') throw refuse('Invalid type for lxm claim in JWT token: expected string')
  throw refuse(`Invalid lxm in JWT: \`${lxm.slice(0, shownMax)}\` expected \`${authenticateMethod}\``)
}

function issuerOf({ payload }: ParsedJwt): Did {
  const { iss } = payload
  if (typeof iss !== 'string') throw refuse('JWT token issuer is missing')
  if (!isDid(iss))
    throw refuse(`Invalid JWT token issuer: expected a did:plc or did:web, got ${iss.slice(0, shownMax)}`)
  return iss
}

/** Other servers' clocks may be ahead of ours. */
const clockSkewS = 30

function assertTime({ payload }: ParsedJwt, nowS: number): void {
  const { exp, nbf } = payload
  if (typeof exp !== 'number') throw refuse('JWT token has no time of expiry')
  if (nowS > exp) throw refuse('JWT token has expired')
  if (nbf === undefined) return
  if (typeof nbf !== 'number' || nowS + clockSkewS < nbf) throw refuse('JWT token is not valid yet')
}

/** The `#atproto` key, and for documents without one, as upstream has it, their first Multikey. */
function signingKeyOf(document: DidDocument): string | undefined {
  const first = document.verificationMethod?.find(({ type }) => type === 'Multikey')?.publicKeyMultibase
  return atprotoKeyOf(document) ?? (first === undefined ? undefined : didKeyOfMethod('Multikey', first))
}

/** Of what somebody sent, in an error's text. */
const shownMax = 256

function refuse(message: string): Refusal {
  return new Refusal('unauthenticated', message)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
