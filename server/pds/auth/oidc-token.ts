import type { JWTPayload } from 'jose'
import type { Clock } from '../../kernel/clock.ts'
import type { OidcMetadataSource } from './oidc-metadata.ts'
import { SignInFault } from './sign-in-fault.ts'

/** Signatures by the provider's own key; neither `none` nor HMAC with the client's secret. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]
const clockToleranceS = 60

/** What an ID token is checked against. */
export interface IdTokenCheck {
  readonly nonce: string
  readonly source: OidcMetadataSource
  readonly deps: {
    readonly clock: Clock
    readonly label: string
    readonly clientId: string
    readonly issuerAliases?: readonly string[]
  }
}

/** Claims of a token that was checked. */
export type IdTokenClaims = Readonly<Record<string, unknown>> & { readonly sub: string }

/** The claims of an ID token that is what it should be; else a SignInFault 'untrusted'. OIDC Core §3.1.3.7 */
export async function verifyIdToken(token: string, check: IdTokenCheck): Promise<IdTokenClaims> {
  const { label, clientId } = check.deps
  const payload = await verified(token, check)
  const { sub, aud, azp, nonce } = payload
  const distrust = (why: string) => new SignInFault('untrusted', label, `the id token is not for us: ${why}`)
  if (nonce !== check.nonce) throw distrust('another nonce')
  if (Array.isArray(aud) && aud.length > 1 && azp !== clientId) throw distrust('another authorized party')
  if (typeof sub !== 'string' || sub === '' || sub.length > 255) throw distrust('no sub')
  return { ...payload, sub }
}

async function verified(token: string, check: IdTokenCheck): Promise<JWTPayload> {
  const { createLocalJWKSet, errors, jwtVerify } = await import('jose')
  const { clock, label, clientId, issuerAliases = [] } = check.deps
  const { issuer } = await check.source.metadata()
  const verify = async (fresh: boolean) => {
    const keys = createLocalJWKSet(await check.source.keys({ fresh }))
    const { payload } = await jwtVerify(token, keys, {
      algorithms,
      audience: clientId,
      issuer: [issuer, ...issuerAliases],
      currentDate: new Date(clock.now()),
      clockTolerance: clockToleranceS,
      requiredClaims: ['sub', 'exp', 'iat', 'nonce'],
    })
    return payload
  }
  try {
    return await verify(false).catch(error => {
      // The provider may have changed its keys since they were fetched.
      if (error instanceof errors.JWKSNoMatchingKey) return verify(true)
      throw error
    })
  } catch (error) {
    if (error instanceof SignInFault || !(error instanceof Error)) throw error
    throw new SignInFault('untrusted', label, `the id token cannot be trusted: ${error.message}`, error)
  }
}
