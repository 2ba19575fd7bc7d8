/**
 * Who signed a service token: a JWT that an account signs with the key in its DID document. Which claims it must have,
 * and in which words it is refused, is for those who take it.
 * https://atproto.com/specs/xrpc#inter-service-authentication-jwt
 */
import { createBoundedMap } from './bounded-map.ts'
import type { Clock } from './clock.ts'
import type { Did, DidDocument, IdentityResolver } from './identity/types.ts'
import type { ParsedJwt } from './jwt.ts'

export interface IssuerDependencies {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly resolver: Pick<IdentityResolver, 'document'>
  /** The did:key with which the issuer signs, by its document; undefined when it has none. */
  readonly signingKeyOf: (document: DidDocument) => string | undefined
  readonly verifySignature: (
    didKey: string,
    bytes: Uint8Array,
    signature: Uint8Array,
    options: { readonly allowHighS: boolean },
  ) => boolean
}

/** What is known about a token's signature. */
export type IssuerVerdict = 'signed' | 'no-document' | 'no-key' | 'wrong-signature'

/** Whether `issuer` signed the token. Throws what the resolver throws. */
export type CheckIssuer = (jwt: ParsedJwt, issuer: Did) => Promise<IssuerVerdict>

/** How long a DID's document is not fetched again because of a wrong signature: anybody can send one. */
const refetchMsMin = 30_000
const refetchesMax = 10_000

/** Checks signatures. A document from the cache whose key does not fit is fetched anew, for the key may have changed. */
export function createIssuerCheck(deps: IssuerDependencies): CheckIssuer {
  const { clock, resolver } = deps
  const refetched = createBoundedMap<Did, number>(refetchesMax)

  const keyOf = async (did: Did, force: boolean) => {
    const document = await resolver.document(did, { force })
    if (document === undefined) return 'no-document' as const
    const didKey = deps.signingKeyOf(document)
    return didKey === undefined ? ('no-key' as const) : { didKey }
  }
  const mayRefetch = (did: Did): boolean => {
    const last = refetched.get(did)
    if (last !== undefined && clock.monotonic() - last < refetchMsMin) return false
    refetched.set(did, clock.monotonic())
    return true
  }

  return async (jwt, issuer) => {
    const known = await keyOf(issuer, false)
    if (typeof known === 'object' && isSignedBy(known.didKey, jwt, deps)) return 'signed'
    if (!mayRefetch(issuer)) return typeof known === 'object' ? 'wrong-signature' : known
    const fresh = await keyOf(issuer, true)
    if (typeof fresh === 'string') return fresh
    return isSignedBy(fresh.didKey, jwt, deps) ? 'signed' : 'wrong-signature'
  }
}

function isSignedBy(didKey: string, jwt: ParsedJwt, deps: IssuerDependencies): boolean {
  // The multicodec of a secp256k1 key shows as zQ3s, that of a P-256 key as zDn.
  const alg = didKey.startsWith('did:key:zQ3s') ? 'ES256K' : 'ES256'
  if (jwt.header['alg'] !== alg) return false
  return deps.verifySignature(didKey, Buffer.from(jwt.signed), jwt.signature, { allowHighS: true })
}
