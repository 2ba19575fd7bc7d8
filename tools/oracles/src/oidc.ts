import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import OidcProvider, { interactionPolicy } from 'oidc-provider'
import { closeServer, listen } from './listen.ts'

export interface OidcPerson {
  /** What identifies her at the provider. Google's are strings of digits. */
  readonly sub: string
  readonly email?: string
  readonly emailVerified?: boolean
  readonly name?: string
}

export interface OidcOptions {
  /** Whether `prompt=select_account` is understood, as Google does. Others refuse the request for it. Default false. */
  readonly accountChoice?: boolean
}

/** What goes wrong at the next sign-in; all off at first. */
export interface OidcFaults {
  /** She presses "cancel": the callback gets `error=access_denied`. */
  denied: boolean
  /** The ID token carries another nonce than was asked for; its signature is good. */
  wrongNonce: boolean
  /** The token endpoint answers 500. */
  tokenDown: boolean
  /** Discovery answers 500. */
  discoveryDown: boolean
}

export interface OidcServer {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Who signs in at the next visit: there is no page, she is sent straight back. */
  person: OidcPerson
  readonly faults: OidcFaults
  /** Where the provider may send people back to; exact. */
  allow(redirectUri: string): void
  /** How often the token endpoint was asked. */
  tokenRequests(): number
  stop(): Promise<void>
}

/**
 * A certified OpenID provider (`oidc-provider`) in Google's shape: discovery, authorization code with required PKCE,
 * nonce, e-mail claims in the ID token, `email_verified`.
 */
export async function startOidc(person: OidcPerson, options: OidcOptions = {}): Promise<OidcServer> {
  const server = createServer()
  const issuer = `http://localhost:${await listen(server)}`
  const allowed = new Set<string>()
  const faults: OidcFaults = { denied: false, wrongNonce: false, tokenDown: false, discoveryDown: false }
  let tokenRequests = 0
  const oidc: OidcServer = {
    issuer,
    clientId: 'leaf-at-google.apps.example',
    clientSecret: 'google-client-secret',
    person,
    faults,
    allow: uri => void allowed.add(uri),
    tokenRequests: () => tokenRequests,
    stop: () => closeServer(server),
  }
  const provider = createProvider(oidc, options)
  provider.Client.prototype.redirectUriAllowed = uri => allowed.has(uri)
  const standard = provider.callback()

  server.on('request', (request, response) => {
    const url = new URL(request.url ?? '/', issuer)
    if (url.pathname.startsWith('/interaction/')) {
      void finishInteraction(provider, oidc, request, response).catch(error =>
        refuse(response, String(error)),
      )
      return
    }
    if (url.pathname === '/token') tokenRequests += 1
    const down =
      (url.pathname === '/token' && faults.tokenDown) ||
      (url.pathname.startsWith('/.well-known/') && faults.discoveryDown)
    if (down) return refuse(response, 'down')
    if (url.pathname === '/auth' && faults.wrongNonce) {
      url.searchParams.set('nonce', 'a-nonce-that-nobody-asked-for')
      request.url = url.pathname + url.search
    }
    standard(request, response)
  })
  return oidc
}

function createProvider(oidc: OidcServer, options: OidcOptions): OidcProvider {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return new OidcProvider(oidc.issuer, {
    clients: [
      {
        client_id: oidc.clientId,
        client_secret: oidc.clientSecret,
        redirect_uris: ['http://localhost/placeholder'],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name'],
    },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'one' }] },
    cookies: { keys: ['not a secret: this provider knows nobody'] },
    interactions: {
      policy: options.accountChoice === true ? policyWithAccountChoice() : interactionPolicy.base(),
      url: (_: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}`,
    },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
    findAccount: (_: unknown, sub: string) => ({ accountId: sub, claims: () => claimsOf(oidc.person, sub) }),
    renderError: (context: { body: string; status: number }, out: object) => {
      context.body = JSON.stringify(out)
    },
  })
}

/** Google's `prompt=select_account`, which is not in the standard set of this provider. */
function policyWithAccountChoice() {
  const policy = interactionPolicy.base()
  policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0)
  return policy
}

function claimsOf(person: OidcPerson, sub: string): object {
  return {
    sub,
    ...(person.email === undefined
      ? {}
      : { email: person.email, email_verified: person.emailVerified ?? true }),
    ...(person.name === undefined ? {} : { name: person.name }),
  }
}

/** What a person would click: who she is, and that she agrees (or that she does not). */
async function finishInteraction(
  provider: OidcProvider,
  oidc: OidcServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response)
  const finish = (result: object) =>
    provider.interactionFinished(request, response, result, {
      mergeWithLastSubmission: prompt.name === 'consent',
    })
  if (oidc.faults.denied) {
    return finish({ error: 'access_denied', error_description: 'The user denied the request' })
  }
  const login = { accountId: oidc.person.sub, remember: false }
  if (prompt.name === 'select_account') return finish({ select_account: {}, login })
  if (prompt.name === 'login') return finish({ login })
  const grant = new provider.Grant({
    accountId: session?.accountId ?? oidc.person.sub,
    clientId: params['client_id'] ?? '',
  })
  grant.addOIDCScope(params['scope'] ?? 'openid')
  return finish({ consent: { grantId: await grant.save() } })
}

function refuse(response: ServerResponse, message: string): void {
  response
    .writeHead(500, { 'content-type': 'application/json' })
    .end(JSON.stringify({ error: 'server_error', message }))
}
