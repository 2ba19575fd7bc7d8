/**
 * Service tokens: JWTs that an account signs with its `#atproto` key, for one server (`aud`) and one method (`lxm`).
 * https://atproto.com/specs/xrpc#inter-service-authentication-jwt
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Did } from '../../kernel/identity/types.ts'
import { jwtPart, parseJwt, type ParsedJwt } from '../../kernel/jwt.ts'
import type { SigningKey } from '../../kernel/keys.ts'
import type { Random } from '../../kernel/random.ts'
import { type CheckIssuer, createIssuerCheck, type IssuerDependencies } from '../../kernel/service-jwt.ts'
import { refuse } from '../xrpc/refuse.ts'

/** How long a service token lasts that asks for no other expiry. */
export const serviceTokenMs = 60_000

/** What a service token is to say. */
export interface ServiceTokenRequest {
  readonly issuer: Did
  /** A DID, or a service reference `did:…#id`. */
  readonly audience: string
  readonly method: string | undefined
  /** Seconds since the epoch; absent: a minute from now. */
  readonly expiresAtS?: number
}

/** Signs a service token with the issuer's secp256k1 key. */
export function signServiceJwt(
  request: ServiceTokenRequest,
  deps: { readonly clock: Clock; readonly random: Random; readonly key: Pick<SigningKey, 'sign'> },
): string {
  const iat = Math.floor(deps.clock.now() / 1000)
  const claims = {
    iat,
    iss: request.issuer,
    aud: request.audience,
    exp: request.expiresAtS ?? iat + serviceTokenMs / 1000,
    ...(request.method === undefined ? {} : { lxm: request.method }),
    jti: Buffer.from(deps.random.bytes(16)).toString('hex'),
  }
  const signed = `${jwtPart({ typ: 'JWT', alg: 'ES256K' })}.${jwtPart(claims)}`
  return `${signed}.${Buffer.from(deps.key.sign(Buffer.from(signed))).toString('base64url')}`
}

/** What a service token says that was checked. */
export interface ServiceClaims {
  readonly issuer: Did
  readonly method: string
  /** SHA-256 of the token, hex: for a use that may happen once. */
  readonly tokenHash: string
  /** Milliseconds. */
  readonly expiresAt: number
}

export interface ServiceJwtDeps extends IssuerDependencies {
  readonly clock: Clock
  readonly serviceDid: string
}

/** Checks a service token for this server and this method; throws 401 with the reference's names. */
export type CheckServiceJwt = (token: string, method: string) => Promise<ServiceClaims>

/** Kinds of tokens that were issued for something else. */
const foreignTypes: readonly unknown[] = ['at+jwt', 'refresh+jwt', 'dpop+jwt']

/** Checks service tokens for this server; throws 401 with the reference's names. */
export function createServiceJwtCheck(deps: ServiceJwtDeps): CheckServiceJwt {
  const checkIssuer = createIssuerCheck(deps)
  return async (token, method) => {
    const jwt = parseJwt(token)
    if (jwt === undefined || typeof jwt.header['alg'] !== 'string')
      throw refuse('BadJwt', 'poorly formatted jwt')
    const type = jwt.header['typ']
    if (foreignTypes.includes(type)) {
      throw new Refusal('unauthenticated', `Invalid jwt type "${String(type)}"`, { name: 'BadJwtType' })
    }
    const { iss, exp, lxm, aud } = claimsOf(jwt)
    if (deps.clock.now() / 1000 > exp) throw refuse('JwtExpired', 'jwt expired')
    if (lxm !== method) {
      const how = lxm === undefined ? 'missing' : 'bad'
      throw refuse('BadJwtLexiconMethod', `${how} jwt lexicon method ("lxm"). must match: ${method}`)
    }
    if (!isDid(iss)) {
      throw new Refusal('unauthenticated', 'jwt iss is not a valid did', { name: 'BadJwtIss' })
    }
    if (aud !== deps.serviceDid) {
      throw refuse('BadJwtAudience', 'jwt audience does not match service did')
    }
    await assertSigned(jwt, iss, checkIssuer)
    return {
      issuer: iss,
      method,
      tokenHash: createHash('sha256').update(token).digest('hex'),
      expiresAt: exp * 1000,
    }
  }
}

interface Claims {
  readonly iss: string
  readonly aud: string
  readonly exp: number
  readonly lxm: string | undefined
}

function claimsOf({ payload }: ParsedJwt): Claims {
  const { iss, aud, exp, lxm } = payload
  if (
    typeof iss !== 'string' ||
    typeof aud !== 'string' ||
    typeof exp !== 'number' ||
    (lxm !== undefined && typeof lxm !== 'string')
  ) {
    throw refuse('BadJwt', 'poorly formatted jwt')
  }
  return { iss, aud, exp, lxm }
}

async function assertSigned(jwt: ParsedJwt, issuer: Did, checkIssuer: CheckIssuer): Promise<void> {
  switch (await checkIssuer(jwt, issuer)) {
    case 'signed':
      return
    case 'no-document':
      throw refuse('AuthenticationRequired', 'could not resolve iss did')
    case 'no-key':
      throw refuse('AuthenticationRequired', 'missing or bad key in did doc')
    case 'wrong-signature':
      throw refuse('BadJwtSignature', 'jwt signature does not match jwt issuer')
  }
}

function isDid(text: string): text is Did {
  return /^did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]$/.test(text) && text.length <= 2048
}
