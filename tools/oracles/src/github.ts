import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { closeServer, listen } from './listen.ts'

export interface GithubEmail {
  readonly email: string
  readonly primary: boolean
  readonly verified: boolean
}

export interface GithubPerson {
  /** GitHub's numeric id: the one thing that stays. */
  readonly id: number
  readonly login: string
  readonly name: string | null
  readonly emails: readonly GithubEmail[]
}

/** What goes wrong at the next sign-in; all off at first. */
export interface GithubFaults {
  /** She presses "cancel". */
  denied: boolean
  /** The token endpoint finds the code spent: 200 with `error` in the body. */
  badCode: boolean
  /** She takes the e-mail scope away: `/user/emails` is not there for this token. */
  noEmailScope: boolean
  /** 403 with `x-ratelimit-remaining: 0` on the API. */
  rateLimited: boolean
  /** The API answers 401 to the token it just gave. */
  badCredentials: boolean
  /** The API answers 502 with a page in HTML. */
  apiDown: boolean
}

export interface GithubServer {
  /** The pages: `GITHUB_URL`. */
  readonly url: string
  /** The API: `GITHUB_API_URL`. */
  readonly apiUrl: string
  readonly clientId: string
  readonly clientSecret: string
  /** Who signs in at the next visit: there is no page, she is sent straight back. */
  person: GithubPerson
  readonly faults: GithubFaults
  /** The callback that is registered; GitHub also takes paths below it. */
  allow(redirectUri: string): void
  /** Paths that were asked, oldest first, with their query names. */
  readonly asked: readonly string[]
  stop(): Promise<void>
}

interface Grant {
  readonly redirectUri: string
  readonly scope: string
  readonly challenge: string | undefined
  readonly person: GithubPerson
}

interface State {
  readonly github: GithubServer
  readonly codes: Map<string, Grant>
  readonly tokens: Map<string, Grant>
  redirectUri: string | undefined
}

/** A server that answers as GitHub does, quirks included. */
export async function startGithub(person: GithubPerson): Promise<GithubServer> {
  const server = createServer()
  const url = `http://localhost:${await listen(server)}`
  const asked: string[] = []
  const github: GithubServer = {
    url,
    apiUrl: `${url}/api/v3`,
    clientId: 'Iv1.0123456789abcdef',
    clientSecret: 'github-client-secret',
    person,
    faults: {
      denied: false,
      badCode: false,
      noEmailScope: false,
      rateLimited: false,
      badCredentials: false,
      apiDown: false,
    },
    allow: uri => {
      state.redirectUri = uri
    },
    asked,
    stop: () => closeServer(server),
  }
  const state: State = { github, codes: new Map(), tokens: new Map(), redirectUri: undefined }
  server.on('request', (request, response) => {
    const target = new URL(request.url ?? '/', url)
    asked.push(`${request.method} ${target.pathname}`)
    void answer(state, request, response, target).catch(error => response.writeHead(500).end(String(error)))
  })
  return github
}

async function answer(
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
  target: URL,
): Promise<void> {
  const route = `${request.method} ${target.pathname}`
  if (route === 'GET /login/oauth/authorize') return authorize(state, response, target.searchParams)
  if (route === 'POST /login/oauth/access_token') return giveToken(state, request, response)
  if (target.pathname.startsWith('/api/v3/')) return answerApi(state, request, response, route)
  response.writeHead(404, { 'content-type': 'text/html' }).end('<title>Page not found</title>')
}

function authorize(state: State, response: ServerResponse, query: URLSearchParams): void {
  const { github } = state
  const redirectUri = query.get('redirect_uri') ?? state.redirectUri ?? ''
  if (query.get('client_id') !== github.clientId) {
    response.writeHead(404, { 'content-type': 'text/html' }).end('<title>Page not found</title>')
    return
  }
  const back = new URL(state.redirectUri ?? redirectUri)
  if (state.redirectUri === undefined || !redirectUri.startsWith(state.redirectUri)) {
    back.searchParams.set('error', 'redirect_uri_mismatch')
  } else if (github.faults.denied) {
    back.searchParams.set('error', 'access_denied')
    back.searchParams.set('error_description', 'The user has denied your application access.')
  } else {
    const scope = github.faults.noEmailScope ? '' : (query.get('scope') ?? '')
    const code = randomBytes(10).toString('hex')
    state.codes.set(code, {
      redirectUri,
      scope: scope.split(/[ ,]+/).filter(Boolean).join(','),
      challenge: query.get('code_challenge') ?? undefined,
      person: github.person,
    })
    back.searchParams.set('code', code)
  }
  const passed = query.get('state')
  if (passed !== null) back.searchParams.set('state', passed)
  response.writeHead(302, { location: back.href }).end()
}

async function giveToken(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { github } = state
  const form = formOf(request.headers['content-type'], await bodyOf(request))
  const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1]
  const [basicId, basicSecret] = basic === undefined ? [] : Buffer.from(basic, 'base64').toString().split(':')
  const grant = state.codes.get(form.get('code') ?? '')
  const verifier = form.get('code_verifier')
  const challenge = verifier === null ? undefined : createHash('sha256').update(verifier).digest('base64url')
  const fail = (error: string, description: string) =>
    // The quirk that everybody trips over: a refusal is a 200.
    reply(request, response, {
      error,
      error_description: description,
      error_uri: 'https://docs.github.com/apps/',
    })

  if (
    (form.get('client_id') ?? decodeURIComponent(basicId ?? '')) !== github.clientId ||
    (form.get('client_secret') ?? decodeURIComponent(basicSecret ?? '')) !== github.clientSecret
  ) {
    return fail('incorrect_client_credentials', 'The client_id and/or client_secret passed are incorrect.')
  }
  const redirectUri = form.get('redirect_uri')
  if (redirectUri !== null && grant !== undefined && redirectUri !== grant.redirectUri) {
    return fail('redirect_uri_mismatch', 'The redirect_uri MUST match the registered callback URL.')
  }
  if (grant === undefined || github.faults.badCode || challenge !== grant.challenge) {
    return fail('bad_verification_code', 'The code passed is incorrect or expired.')
  }
  state.codes.delete(form.get('code') ?? '')
  const token = `gho_${randomBytes(18).toString('hex')}`
  state.tokens.set(token, grant)
  reply(request, response, { access_token: token, scope: grant.scope, token_type: 'bearer' })
}

/** A form unless the caller says that it accepts JSON. */
function reply(request: IncomingMessage, response: ServerResponse, body: Record<string, string>): void {
  if ((request.headers.accept ?? '').includes('application/json')) {
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
    return
  }
  response
    .writeHead(200, { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' })
    .end(new URLSearchParams(body).toString())
}

function answerApi(state: State, request: IncomingMessage, response: ServerResponse, route: string): void {
  const { faults } = state.github
  const token = /^(?:Bearer|token) (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const grant = state.tokens.get(token)
  const scopes = grant?.scope.split(',') ?? []
  const say = (status: number, body: unknown, headers: Record<string, string> = {}) =>
    void response
      .writeHead(status, {
        'content-type': 'application/json; charset=utf-8',
        'x-ratelimit-limit': '5000',
        'x-ratelimit-remaining': '4999',
        'x-oauth-scopes': scopes.join(', '),
        ...headers,
      })
      .end(JSON.stringify(body))

  if (faults.apiDown)
    return void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Unicorn!</h1>')
  if ((request.headers['user-agent'] ?? '') === '') {
    return say(403, {
      message:
        'Request forbidden by administrative rules. Please make sure your request has a User-Agent header',
    })
  }
  if (faults.rateLimited) {
    const reset = String(Math.floor(Date.now() / 1000) + 1800)
    return say(
      403,
      { message: 'API rate limit exceeded' },
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset },
    )
  }
  if (grant === undefined || faults.badCredentials) return say(401, { message: 'Bad credentials' })
  if (route === 'GET /api/v3/user') return say(200, userOf(grant.person))
  if (route === 'GET /api/v3/user/emails' && (scopes.includes('user:email') || scopes.includes('user'))) {
    return say(
      200,
      grant.person.emails.map(one => ({ ...one, visibility: one.primary ? 'private' : null })),
    )
  }
  say(404, { message: 'Not Found', documentation_url: 'https://docs.github.com/rest' })
}

function userOf(person: GithubPerson): object {
  return {
    login: person.login,
    id: person.id,
    node_id: 'MDQ6VXNlcjE=',
    type: 'User',
    name: person.name,
    // Null unless she made it public, whatever the scopes.
    email: null,
    created_at: '2015-01-01T00:00:00Z',
  }
}

function formOf(contentType: string | undefined, body: string): URLSearchParams {
  if ((contentType ?? '').startsWith('application/json')) {
    return new URLSearchParams(JSON.parse(body) as Record<string, string>)
  }
  return new URLSearchParams(body)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
