/**
 * Signing in with GitHub. Not OpenID Connect: the token endpoint refuses with status 200 and `error` in the body, the
 * person comes from the API, and her address from a second call that needs a scope she may have taken away.
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
 */
import type { SafeFetch, SafeResponse } from '../../kernel/fetch.ts'
import type { ProviderPerson, SignInProvider } from './provider.ts'
import { askProvider, formBody, jsonAnswer, jsonOf } from './provider-http.ts'
import { SignInFault } from './sign-in-fault.ts'

export interface GithubDeps {
  readonly fetch: SafeFetch
  readonly clientId: string
  readonly clientSecret: string
  /** `https://github.com`, or GitHub Enterprise. */
  readonly url: string
  /** `https://api.github.com`, or `https://…/api/v3`. */
  readonly apiUrl: string
}

const label = 'GitHub'
const scope = 'read:user user:email'

/** GitHub as a sign-in provider. */
export function createGithub(deps: GithubDeps): SignInProvider {
  return {
    id: 'github',
    label,
    begin: async ({ state, codeChallenge, redirectUri }) => {
      const url = new URL(`${deps.url}/login/oauth/authorize`)
      url.search = formBody({
        client_id: deps.clientId,
        redirect_uri: redirectUri,
        scope,
        state,
        code_challenge: codeChallenge,
        code_challenge_method: 'S256',
      })
      return url.href
    },
    finish: async ({ code, codeVerifier, redirectUri }) => {
      const token = await exchange({ code, codeVerifier, redirectUri }, deps)
      return personOf(token, deps)
    },
  }
}

interface Exchange {
  readonly code: string
  readonly codeVerifier: string
  readonly redirectUri: string
}

async function exchange({ code, codeVerifier, redirectUri }: Exchange, deps: GithubDeps): Promise<string> {
  const response = await askProvider(deps.fetch, label, `${deps.url}/login/oauth/access_token`, {
    method: 'POST',
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': 'Leaf',
    },
    body: formBody({
      client_id: deps.clientId,
      client_secret: deps.clientSecret,
      code,
      code_verifier: codeVerifier,
      redirect_uri: redirectUri,
    }),
  })
  assertAnswered(response)
  const answer = jsonAnswer(response, label)
  const token = answer['access_token']
  if (typeof token === 'string' && token !== '') return token
  const error =
    typeof answer['error'] === 'string' ? answer['error'].slice(0, 64) : `status ${response.status}`
  const kind = error === 'bad_verification_code' ? 'expired-code' : 'misconfigured'
  throw new SignInFault(kind, label, `github gave no token: ${error}`)
}

async function personOf(token: string, deps: GithubDeps): Promise<ProviderPerson> {
  const response = await askApi('/user', token, deps)
  const user = jsonAnswer(response, label)
  const { id, login, name } = user
  if (response.status !== 200 || typeof id !== 'number' || !Number.isSafeInteger(id)) {
    throw new SignInFault('misconfigured', label, `github did not say who it is: status ${response.status}`)
  }
  const known = typeof login === 'string' && login !== '' ? login : undefined
  return {
    id: String(id),
    label: known ?? (typeof name === 'string' && name !== '' ? name : String(id)),
    email: await emailOf(token, deps),
    nameHint: known,
  }
}

/** The verified primary address. Without the scope there is none, and the sign-in goes on. */
async function emailOf(token: string, deps: GithubDeps): Promise<ProviderPerson['email']> {
  const response = await askApi('/user/emails', token, deps)
  const list = jsonOf(response)
  if (response.status !== 200 || !Array.isArray(list)) return undefined
  for (const entry of list) {
    if (typeof entry !== 'object' || entry === null) continue
    const { email, primary, verified } = entry as Record<string, unknown> // an object, as checked
    if (typeof email === 'string' && primary === true) return { address: email, verified: verified === true }
  }
  return undefined
}

async function askApi(path: string, token: string, deps: GithubDeps): Promise<SafeResponse> {
  const response = await askProvider(deps.fetch, label, `${deps.apiUrl}${path}`, {
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${token}`,
      // Without one the API refuses.
      'user-agent': 'Leaf',
      'x-github-api-version': '2022-11-28',
    },
  })
  assertAnswered(response)
  return response
}

function assertAnswered({ status, headers }: SafeResponse): void {
  if (status === 429 || (status === 403 && headers['x-ratelimit-remaining'] === '0')) {
    const reset = headers['x-ratelimit-reset'] ?? 'unknown'
    throw new SignInFault('limited', label, `github's rate limit is used up until ${reset}`)
  }
  if (status >= 500) throw new SignInFault('unreachable', label, `github answered ${status}`)
}
