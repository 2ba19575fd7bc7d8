/**
 * Service tokens: JWTs that an account signs with its `#atproto` key, for one server (`aud`) and one method (`lxm`).
 * https://atproto.com/specs/xrpc#inter-service-authentication-jwt
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Did, DidDocument, IdentityResolver } from '../../kernel/identity/types.ts'
import type { SigningKey } from '../../kernel/keys.ts'
import type { Random } from '../../kernel/random.ts'
import { refuse } from '../xrpc/refuse.ts'
import { jwtPart, parseJwt, type ParsedJwt } from './jwt.ts'

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

export interface ServiceJwtDeps {
  readonly clock: Clock
  readonly serviceDid: string
  readonly resolver: IdentityResolver
  /** The did:key of a document's `#atproto` method; undefined when it has none. */
  readonly signingKeyOf: (document: DidDocument) => string | undefined
  readonly verifySignature: (
    key: string,
    bytes: Uint8Array,
    signature: Uint8Array,
    options: { readonly allowHighS: boolean },
  ) => boolean
}

/** Checks a service token for this server and this method; throws 401 with the reference's names. */
export type CheckServiceJwt = (token: string, method: string) => Promise<ServiceClaims>

/** Kinds of tokens that were issued for something else. */
const foreignTypes: readonly unknown[] = ['at+jwt', 'refresh+jwt', 'dpop+jwt']

/** Checks service tokens for this server; throws 401 with the reference's names. */
export function createServiceJwtCheck(deps: ServiceJwtDeps): CheckServiceJwt {
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
    await assertSigned(jwt, iss, deps)
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

async function assertSigned(jwt: ParsedJwt, issuer: Did, deps: ServiceJwtDeps): Promise<void> {
  const known = await keyOf(issuer, deps, false)
  if (isSignedBy(known, jwt, deps)) return
  // The issuer may have changed its key since its document was cached.
  const fresh = await keyOf(issuer, deps, true)
  if (fresh === known || !isSignedBy(fresh, jwt, deps)) {
    throw refuse('BadJwtSignature', 'jwt signature does not match jwt issuer')
  }
}

function isSignedBy(key: string, jwt: ParsedJwt, deps: ServiceJwtDeps): boolean {
  // The multicodec of a secp256k1 key shows as zQ3s, that of a P-256 key as zDn.
  const alg = key.startsWith('did:key:zQ3s') ? 'ES256K' : 'ES256'
  if (jwt.header['alg'] !== alg) return false
  return deps.verifySignature(key, Buffer.from(jwt.signed), jwt.signature, { allowHighS: true })
}

async function keyOf(did: Did, deps: ServiceJwtDeps, force: boolean): Promise<string> {
  const document = await deps.resolver.document(did, { force })
  if (document === undefined) throw refuse('AuthenticationRequired', 'could not resolve iss did')
  const key = deps.signingKeyOf(document)
  if (key === undefined) throw refuse('AuthenticationRequired', 'missing or bad key in did doc')
  return key
}

function isDid(text: string): text is Did {
  return /^did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]$/.test(text) && text.length <= 2048
}
