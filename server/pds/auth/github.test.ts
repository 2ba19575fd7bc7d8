import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { createOperatorFetch } from '../../kernel/fetch.ts'
import { type GithubServer, startGithub } from '../../../tools/oracles/src/github.ts'
import { createGithub } from './github.ts'
import type { SignInProvider } from './provider.ts'
import type { SignInFaultKind } from './sign-in-fault.ts'

const redirectUri = 'http://localhost:3334/pds/auth/github/callback'
const codeVerifier = 'a verifier that is long enough to be one, by the specification'
const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url')
const person = {
  id: 583231,
  login: 'octocat',
  name: 'The Octocat',
  emails: [
    { email: 'other@example.com', primary: false, verified: true },
    { email: 'octocat@example.com', primary: true, verified: true },
  ],
}

let server: GithubServer
let github: SignInProvider

before(async () => {
  server = await startGithub(person)
  server.allow(redirectUri)
})
after(() => server.stop())
beforeEach(() => {
  server.person = person
  for (const name of Object.keys(server.faults) as (keyof typeof server.faults)[]) server.faults[name] = false
  github = withSecret(server.clientSecret)
})

const withSecret = (clientSecret: string, url = server.url) =>
  createGithub({
    fetch: createOperatorFetch(),
    clientId: server.clientId,
    clientSecret,
    url,
    apiUrl: server.apiUrl,
  })

const signIn = async (verifier = codeVerifier) => {
  const href = await github.begin({ state: 'the state', nonce: 'unused', codeChallenge, redirectUri })
  const back = new URL((await fetch(href, { redirect: 'manual' })).headers.get('location') ?? '')
  assert.equal(back.searchParams.get('state'), 'the state')
  const code = back.searchParams.get('code') ?? assert.fail(`no code: ${back}`)
  return github.finish({ code, codeVerifier: verifier, nonce: 'unused', redirectUri, issuer: undefined })
}
const fault = (kind: SignInFaultKind) => ({ name: 'SignInFault', kind })

test('a person is her number, with her primary address', async () => {
  assert.deepEqual(await signIn(), {
    id: '583231',
    label: 'octocat',
    email: { address: 'octocat@example.com', verified: true },
    nameHint: 'octocat',
  })
})

test('an address that is not verified is told as such, and one that is not primary is none', async () => {
  server.person = { ...person, emails: [{ email: 'new@example.com', primary: true, verified: false }] }
  assert.deepEqual((await signIn()).email, { address: 'new@example.com', verified: false })
  server.person = { ...person, emails: [{ email: 'new@example.com', primary: false, verified: true }] }
  assert.equal((await signIn()).email, undefined)
})

test('without the scope for addresses the sign-in goes on without one', async () => {
  server.faults.noEmailScope = true
  assert.deepEqual([(await signIn()).id, (await signIn()).email], ['583231', undefined])
})

test('each failure is told for what it is, also where GitHub says 200', async () => {
  const cases: [keyof typeof server.faults, SignInFaultKind][] = [
    ['badCode', 'expired-code'],
    ['rateLimited', 'limited'],
    ['badCredentials', 'misconfigured'],
    ['apiDown', 'unreachable'],
  ]
  for (const [name, kind] of cases) {
    server.faults[name] = true
    await assert.rejects(signIn(), fault(kind), name)
    server.faults[name] = false
  }
})

test('a wrong client secret is a matter of configuration, and is told nowhere', async () => {
  github = withSecret('a wrong secret')
  await assert.rejects(signIn(), error => {
    assert.ok(error instanceof Error)
    assert.deepEqual({ name: error.name, kind: 'kind' in error && error.kind }, fault('misconfigured'))
    assert.ok(!error.message.includes('a wrong secret'))
    return true
  })
})

test('a code is worth nothing without the verifier', async () => {
  await assert.rejects(signIn('another verifier'), fault('expired-code'))
})

test('a server that is not there is unreachable', async () => {
  const gone = withSecret(server.clientSecret, 'http://127.0.0.1:1')
  const request = { code: 'x', codeVerifier, nonce: '', redirectUri, issuer: undefined }
  await assert.rejects(gone.finish(request), fault('unreachable'))
})
