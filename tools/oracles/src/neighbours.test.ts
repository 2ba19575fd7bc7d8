/** The identity providers that sign-in is tested against, signed in to by a client that is not ours. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as client from 'openid-client'
import { type GithubServer, startGithub } from './github.ts'
import { type OidcServer, startOidc } from './oidc.ts'

const callback = 'http://localhost:9/callback'

/** Follows redirects with a jar of cookies until one leads to the callback; gives that address. */
async function visit(address: string): Promise<URL> {
  const jar = new Map<string, string>()
  let url = new URL(address)
  for (let hops = 0; hops < 10; hops += 1) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      jar.set(name, value)
    }
    const location = response.headers.get('location')
    if (location === null)
      throw new Error(`${url} did not redirect: ${response.status} ${await response.text()}`)
    url = new URL(location, url)
    if (url.href.startsWith(callback)) return url
  }
  throw new Error('too many redirects')
}

describe('an OpenID provider in the shape of Google', () => {
  let oidc: OidcServer
  let config: client.Configuration

  before(async () => {
    oidc = await startOidc({ sub: '110169484474386276334', email: 'ada@example.com', name: 'Ada' })
    oidc.allow(callback)
    config = await client.discovery(new URL(oidc.issuer), oidc.clientId, oidc.clientSecret, undefined, {
      execute: [client.allowInsecureRequests],
    })
  })
  after(() => oidc.stop())

  const signIn = async () => {
    const verifier = client.randomPKCECodeVerifier()
    const address = client.buildAuthorizationUrl(config, {
      redirect_uri: callback,
      scope: 'openid email profile',
      state: 'the-state',
      nonce: 'the-nonce',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    const back = await visit(address.href)
    return client.authorizationCodeGrant(config, back, {
      pkceCodeVerifier: verifier,
      expectedState: 'the-state',
      expectedNonce: 'the-nonce',
    })
  }

  it('gives an ID token with the nonce, the subject and the e-mail', async () => {
    const claims = (await signIn()).claims()
    assert.equal(claims?.sub, '110169484474386276334')
    assert.equal(claims?.['email'], 'ada@example.com')
    assert.equal(claims?.['email_verified'], true)
  })

  it('gives another nonce when told so', async () => {
    oidc.faults.wrongNonce = true
    await assert.rejects(signIn(), /unexpected ID Token "nonce" claim value|unexpected JWT claim value/)
    oidc.faults.wrongNonce = false
  })

  it('says that she cancelled when told so', async () => {
    oidc.faults.denied = true
    await assert.rejects(signIn(), /access_denied|authorization response/)
    oidc.faults.denied = false
  })

  it('refuses a client without PKCE', async () => {
    const address = client.buildAuthorizationUrl(config, {
      redirect_uri: callback,
      scope: 'openid',
      state: 's',
    })
    assert.equal((await visit(address.href)).searchParams.get('error'), 'invalid_request')
  })
})

describe('a server in the shape of GitHub', () => {
  let github: GithubServer

  before(async () => {
    github = await startGithub({ id: 42, login: 'ada', name: null, emails: [] })
    github.allow(callback)
  })
  after(() => github.stop())

  const askToken = async (accept: string, more: Record<string, string> = {}) => {
    const query = new URLSearchParams({
      client_id: github.clientId,
      redirect_uri: callback,
      scope: 'read:user user:email',
      state: 's',
    })
    const back = await visit(`${github.url}/login/oauth/authorize?${query}`)
    return fetch(`${github.url}/login/oauth/access_token`, {
      method: 'POST',
      headers: { accept },
      body: new URLSearchParams({
        client_id: github.clientId,
        client_secret: github.clientSecret,
        code: back.searchParams.get('code') ?? '',
        ...more,
      }),
    })
  }

  it('answers a form, or JSON to who accepts it, with commas between the scopes', async () => {
    const form = new URLSearchParams(await (await askToken('*/*')).text())
    assert.equal(form.get('scope'), 'read:user,user:email')
    const json = (await (await askToken('application/json')).json()) as { token_type: string }
    assert.equal(json.token_type, 'bearer')
  })

  it('answers 200 with an error in the body', async () => {
    const response = await askToken('application/json', { code: 'spent' })
    assert.equal(response.status, 200)
    assert.equal(((await response.json()) as { error: string }).error, 'bad_verification_code')
  })

  it('tells the id but no e-mail, and the e-mails only with their scope', async () => {
    github.person = {
      ...github.person,
      emails: [{ email: 'ada@example.com', primary: true, verified: true }],
    }
    const read = async (path: string) => {
      const { access_token: token } = (await (await askToken('application/json')).json()) as {
        access_token: string
      }
      return fetch(`${github.apiUrl}${path}`, {
        headers: { authorization: `Bearer ${token}`, 'user-agent': 'test' },
      })
    }
    const user = (await (await read('/user')).json()) as { id: number; email: null }
    assert.deepEqual([user.id, user.email], [42, null])
    assert.equal((await read('/user/emails')).status, 200)
    github.faults.noEmailScope = true
    assert.equal((await read('/user/emails')).status, 404)
    github.faults.noEmailScope = false
    github.faults.rateLimited = true
    const limited = await read('/user')
    assert.deepEqual([limited.status, limited.headers.get('x-ratelimit-remaining')], [403, '0'])
  })
})
