import assert from 'node:assert/strict'
import { before, beforeEach, test } from 'node:test'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { createManualClock, type ManualClock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { SafeFetch } from '../../kernel/fetch.ts'
import { createGoogle } from './google.ts'
import { createOidc, type OidcDeps } from './oidc.ts'
import type { SignInProvider } from './provider.ts'
import type { SignInFaultKind } from './sign-in-fault.ts'

/** A provider that answers over a fetch: what it says can be anything. */
const issuer = 'https://id.example.com/realms/us'
const clientId = 'leaf'
const redirectUri = 'http://localhost:3334/pds/auth/keycloak/callback'

interface Keys {
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

let keys: Keys
let otherKeys: Keys
let clock: ManualClock
let answers: Record<string, { status?: number; json: unknown } | Refusal>
let asked: { url: string; headers: Readonly<Record<string, string>>; body: string }[]
let published: JWK[]
let claims: Record<string, unknown>
let sign: () => Promise<string>

before(async () => {
  keys = await makeKeys('RS256', 'one')
  otherKeys = await makeKeys('ES256', 'two')
})

beforeEach(() => {
  clock = createManualClock()
  asked = []
  published = [keys.jwk]
  const nowS = Math.floor(clock.now() / 1000)
  claims = {
    iss: issuer,
    aud: clientId,
    sub: '4711',
    iat: nowS,
    exp: nowS + 300,
    nonce: 'the nonce',
    email: 'a@example.com',
    email_verified: true,
  }
  sign = () => signWith(keys, 'RS256')
  answers = {
    [`${issuer}/.well-known/openid-configuration`]: {
      json: {
        issuer,
        authorization_endpoint: `${issuer}/auth?x=1`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/keys`,
        userinfo_endpoint: `${issuer}/userinfo`,
      },
    },
  }
})

async function makeKeys(alg: string, kid: string): Promise<Keys> {
  const { privateKey, publicKey } = await generateKeyPair(alg)
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

const signWith = ({ privateKey, jwk }: Keys, alg: string) =>
  new SignJWT(claims).setProtectedHeader({ alg, kid: jwk.kid! }).sign(privateKey)

const fetch: SafeFetch = async (url, options) => {
  asked.push({ url, headers: options?.headers ?? {}, body: String(options?.body ?? '') })
  const answer =
    answers[url] ??
    (url === `${issuer}/keys`
      ? { json: { keys: published } }
      : { json: { id_token: await sign(), access_token: 'access', token_type: 'Bearer' } })
  if (answer instanceof Refusal) throw answer
  return { status: answer.status ?? 200, headers: {}, body: Buffer.from(JSON.stringify(answer.json)), url }
}

const provider = (more: Partial<OidcDeps> = {}): SignInProvider =>
  createOidc({
    fetch,
    clock,
    id: 'keycloak',
    label: 'Keycloak',
    issuer,
    clientId,
    clientSecret: 'a secret: &',
    ...more,
  })
const finish = (one = provider(), more: { issuer?: string } = {}) =>
  one.finish({
    code: 'the code',
    codeVerifier: 'the verifier',
    nonce: 'the nonce',
    redirectUri,
    issuer: more.issuer,
  })
const fault = (kind: SignInFaultKind) => ({ name: 'SignInFault', kind, provider: 'Keycloak' })

test('the browser goes to the authorization endpoint with state, nonce and challenge', async () => {
  const url = new URL(await provider().begin({ state: 's', nonce: 'n', codeChallenge: 'c', redirectUri }))
  assert.equal(url.origin + url.pathname, `${issuer}/auth`)
  assert.deepEqual(Object.fromEntries(url.searchParams), {
    x: '1',
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: 'openid email profile',
    state: 's',
    nonce: 'n',
    code_challenge: 'c',
    code_challenge_method: 'S256',
  })
})

test('a person is the sub of a token that is what it should be', async () => {
  assert.deepEqual(await finish(), {
    id: '4711',
    label: 'a@example.com',
    email: { address: 'a@example.com', verified: true },
    nameHint: 'a',
  })
  const token = asked.find(call => call.url.endsWith('/token'))!
  // RFC 6749 §2.3.1: both halves are form-encoded first.
  assert.equal(token.headers['authorization'], `Basic ${btoa('leaf:a+secret%3A+%26')}`)
  assert.deepEqual(Object.fromEntries(new URLSearchParams(token.body)), {
    grant_type: 'authorization_code',
    code: 'the code',
    redirect_uri: redirectUri,
    code_verifier: 'the verifier',
  })
})

test('an address counts as verified only when the provider says so', async () => {
  for (const [said, verified] of [
    [true, true],
    ['true', true],
    [false, false],
    [undefined, false],
    [1, false],
  ] as const) {
    claims['email_verified'] = said
    assert.equal((await finish()).email?.verified, verified)
  }
})

test('a token for somebody else, from somebody else, or of another time is not trusted', async () => {
  const nowS = Math.floor(clock.now() / 1000)
  const wrong: Record<string, unknown>[] = [
    { nonce: 'another' },
    { nonce: undefined },
    { aud: 'another client' },
    { aud: [clientId, 'another'] },
    { aud: [clientId, 'another'], azp: 'another' },
    { iss: 'https://evil.example.com' },
    { exp: nowS - 61 },
    { exp: undefined },
    { sub: undefined },
    { sub: '' },
    { sub: 4711 },
    { nbf: nowS + 61 },
  ]
  for (const change of wrong) {
    const right = claims
    claims = { ...claims, ...change }
    await assert.rejects(finish(), fault('untrusted'), JSON.stringify(change))
    claims = right
  }
  claims['aud'] = [clientId, 'another']
  claims['azp'] = clientId
  await finish()
})

test('a token that the provider’s own key did not sign is not trusted', async () => {
  const [head, body] = (await signWith(keys, 'RS256')).split('.')
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  const hmac = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'one' })
  const forgeries: (() => Promise<string>)[] = [
    async () => `${none}.${body}.`,
    async () => `${head}.${body}.AAAA`,
    async () => 'no token',
    async () => signWith({ ...otherKeys, jwk: { ...otherKeys.jwk, kid: 'one' } }, 'ES256'),
    async () => hmac.sign(Buffer.from('a secret: &, but long enough for it.')),
  ]
  for (const forgery of forgeries) {
    sign = forgery
    await assert.rejects(finish(), fault('untrusted'))
  }
})

test('keys that the provider changed are fetched anew, but not for every unknown one', async () => {
  const one = provider()
  await finish(one)
  sign = () => signWith(otherKeys, 'ES256')
  published = [keys.jwk, otherKeys.jwk]
  clock.advance(60_000)
  await finish(one)
  const fetches = () => asked.filter(call => call.url.endsWith('/keys')).length
  assert.equal(fetches(), 2)
  published = []
  const stranger = await makeKeys('ES256', 'three')
  sign = () => signWith(stranger, 'ES256')
  for (let round = 0; round < 5; round += 1) await assert.rejects(finish(one), fault('untrusted'))
  assert.equal(fetches(), 2)
})

test('an address that is only in userinfo is taken from there, if it speaks of the same person', async () => {
  delete claims['email']
  answers[`${issuer}/userinfo`] = { json: { sub: '4711', email: 'b@example.com', email_verified: true } }
  assert.deepEqual((await finish()).email, { address: 'b@example.com', verified: true })
  answers[`${issuer}/userinfo`] = { json: { sub: '4712', email: 'b@example.com', email_verified: true } }
  assert.equal((await finish()).email, undefined)
  answers[`${issuer}/userinfo`] = { status: 403, json: {} }
  assert.equal((await finish()).email, undefined)
})

test('each failure of the provider is told for what it is', async () => {
  const token = `${issuer}/token`
  const discovery = `${issuer}/.well-known/openid-configuration`
  const document = (answers[discovery] as { json: object }).json
  const cases: [string, { status?: number; json: unknown } | Refusal, SignInFaultKind][] = [
    [token, { status: 400, json: { error: 'invalid_grant' } }, 'expired-code'],
    [token, { status: 401, json: { error: 'invalid_client' } }, 'misconfigured'],
    [token, { json: { access_token: 'x' } }, 'misconfigured'],
    [token, { status: 503, json: {} }, 'unreachable'],
    [token, { status: 429, json: {} }, 'limited'],
    [token, { json: [] }, 'unreachable'],
    [token, new Refusal('upstream-timeout', 'nothing came'), 'unreachable'],
    [discovery, { status: 404, json: {} }, 'misconfigured'],
    [discovery, { status: 500, json: {} }, 'unreachable'],
    [discovery, { json: { ...document, issuer: 'https://evil.example.com' } }, 'misconfigured'],
    [discovery, { json: { issuer } }, 'misconfigured'],
    [`${issuer}/keys`, { status: 500, json: {} }, 'unreachable'],
  ]
  for (const [url, answer, kind] of cases) {
    const fine = answers
    answers = { ...answers, [url]: answer }
    await assert.rejects(finish(), fault(kind), `${url} ${JSON.stringify(answer)}`)
    answers = fine
  }
})

test('a failed discovery is not kept, a good one is', async () => {
  const one = provider()
  const discovery = `${issuer}/.well-known/openid-configuration`
  const good = answers
  answers = { [discovery]: { status: 500, json: {} } }
  await assert.rejects(finish(one), fault('unreachable'))
  answers = good
  await finish(one)
  await finish(one)
  assert.equal(asked.filter(call => call.url === discovery).length, 2)
})

test('an answer that names another issuer is not trusted', async () => {
  await assert.rejects(finish(provider(), { issuer: 'https://evil.example.com' }), fault('untrusted'))
  await finish(provider(), { issuer })
})

test('Google may spell its issuer without https', async () => {
  const google = createGoogle({ fetch, clock, clientId, clientSecret: 'x', issuer })
  claims['iss'] = issuer.replace('https://', '')
  assert.equal((await finish(google)).id, '4711')
  await assert.rejects(finish(provider()), fault('untrusted'))
})
