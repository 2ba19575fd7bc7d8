/**
 * Signing in with an OpenID Connect provider: discovery, authorization code with PKCE, and an ID token that is checked
 * for signature, issuer, audience, expiry and nonce. https://openid.net/specs/openid-connect-core-1_0.html
 */
import type { Clock } from '../../kernel/clock.ts'
import type { SafeFetch } from '../../kernel/fetch.ts'
import { createOidcMetadata, type OidcMetadata } from './oidc-metadata.ts'
import { verifyIdToken } from './oidc-token.ts'
import type { FinishRequest, ProviderPerson, SignInProvider } from './provider.ts'
import { askProvider, formBody, jsonAnswer } from './provider-http.ts'
import { SignInFault } from './sign-in-fault.ts'

export interface OidcDeps {
  readonly fetch: SafeFetch
  readonly clock: Clock
  readonly id: string
  readonly label: string
  /** Without a trailing slash, as it is configured. */
  readonly issuer: string
  readonly clientId: string
  /** Empty: a public client. */
  readonly clientSecret: string
  /** Other spellings of the issuer in ID tokens. */
  readonly issuerAliases?: readonly string[]
  /** Added to the authorization request. */
  readonly parameters?: Readonly<Record<string, string>>
}

/** An OpenID Connect provider as a sign-in provider. */
export function createOidc(deps: OidcDeps): SignInProvider {
  const { id, label } = deps
  const source = createOidcMetadata(deps)
  return {
    id,
    label,
    begin: async ({ state, nonce, codeChallenge, redirectUri }) => {
      const { authorizationEndpoint } = await source.metadata()
      const url = new URL(authorizationEndpoint)
      const parameters = {
        response_type: 'code',
        client_id: deps.clientId,
        redirect_uri: redirectUri,
        scope: 'openid email profile',
        state,
        nonce,
        code_challenge: codeChallenge,
        code_challenge_method: 'S256',
        ...deps.parameters,
      }
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
      return url.href
    },
    finish: async request => {
      const metadata = await source.metadata()
      if (request.issuer !== undefined && request.issuer !== metadata.issuer) {
        throw new SignInFault('untrusted', label, 'the answer came from another issuer')
      }
      const { idToken, accessToken } = await exchange(request, metadata, deps)
      const claims = await verifyIdToken(idToken, { nonce: request.nonce, source, deps })
      return personOf(await withUserinfo(claims, { accessToken, metadata, deps }))
    },
  }
}

async function exchange(request: FinishRequest, metadata: OidcMetadata, deps: OidcDeps) {
  const { label } = deps
  const client = clientAuthentication(metadata, deps)
  const response = await askProvider(deps.fetch, label, metadata.tokenEndpoint, {
    method: 'POST',
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      ...client.headers,
    },
    body: formBody({
      grant_type: 'authorization_code',
      code: request.code,
      redirect_uri: request.redirectUri,
      code_verifier: request.codeVerifier,
      ...client.fields,
    }),
  })
  if (response.status >= 500) {
    throw new SignInFault('unreachable', label, `the token endpoint answered ${response.status}`)
  }
  if (response.status === 429) throw new SignInFault('limited', label, 'the token endpoint answered 429')
  const { id_token: idToken, access_token: accessToken, error } = jsonAnswer(response, label)
  if (typeof idToken === 'string') {
    return { idToken, accessToken: typeof accessToken === 'string' ? accessToken : undefined }
  }
  const reason = typeof error === 'string' ? error.slice(0, 64) : `status ${response.status}, no id_token`
  throw new SignInFault(
    error === 'invalid_grant' ? 'expired-code' : 'misconfigured',
    label,
    `no token: ${reason}`,
  )
}

/** RFC 6749 §2.3.1: in the header where the provider takes it there, else in the body. */
function clientAuthentication({ tokenAuthMethods }: OidcMetadata, { clientId, clientSecret }: OidcDeps) {
  if (clientSecret === '') return { headers: {}, fields: { client_id: clientId } }
  if (!tokenAuthMethods.includes('client_secret_basic')) {
    return { headers: {}, fields: { client_id: clientId, client_secret: clientSecret } }
  }
  const encode = (text: string) => formBody({ x: text }).slice(2)
  const pair = Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')
  return { headers: { authorization: `Basic ${pair}` }, fields: {} }
}

type Claims = Readonly<Record<string, unknown>> & { readonly sub: string }

/** Some providers put the e-mail address only into userinfo. */
async function withUserinfo(
  claims: Claims,
  of: { readonly accessToken: string | undefined; readonly metadata: OidcMetadata; readonly deps: OidcDeps },
): Promise<Claims> {
  const { accessToken, metadata, deps } = of
  if (claims['email'] !== undefined || metadata.userinfoEndpoint === undefined || accessToken === undefined) {
    return claims
  }
  const response = await askProvider(deps.fetch, deps.label, metadata.userinfoEndpoint, {
    headers: { accept: 'application/json', authorization: `Bearer ${accessToken}` },
  })
  if (response.status !== 200) return claims
  const info = jsonAnswer(response, deps.label)
  // OIDC Core §5.3.2: about somebody else it says nothing.
  return info['sub'] === claims.sub ? { ...info, ...claims } : claims
}

function personOf(claims: Claims): ProviderPerson {
  const text = (name: string) => {
    const value = claims[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const address = text('email')
  const verified = claims['email_verified'] === true || claims['email_verified'] === 'true'
  const login = text('preferred_username') ?? text('nickname')
  return {
    id: claims.sub,
    label: address ?? login ?? text('name') ?? claims.sub,
    email: address === undefined ? undefined : { address, verified },
    nameHint: login?.split('@')[0] ?? address?.split('@')[0] ?? text('name'),
  }
}
