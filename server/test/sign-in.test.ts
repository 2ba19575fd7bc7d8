/** Signing in through other people's accounts, with real neighbours: an OpenID provider and a server like GitHub. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { AtpAgent } from '@atproto/api'
import { type GithubServer, startGithub } from '../../tools/oracles/src/github.ts'
import { type OidcServer, startOidc } from '../../tools/oracles/src/oidc.ts'
import { alterRows } from './support/alter.ts'
import { onEveryEngine } from './support/engines.ts'
import { get, send } from './support/http.ts'
import { resolverFor } from './support/identity.ts'
import type { Leaf } from './support/leaf.ts'
import { createVisitor, type Page, textOf, type Visitor } from './support/visitor.ts'

let github: GithubServer
let google: OidcServer

before(async () => {
  github = await startGithub({ id: 1, login: 'nobody', name: null, emails: [] })
  google = await startOidc({ sub: '1' })
})
after(() => Promise.all([github.stop(), google.stop()]))

/** The settings that point Leaf at the neighbours. */
async function providerEnv(): Promise<{ env: Record<string, string> }> {
  return {
    env: {
      GITHUB_URL: github.url,
      GITHUB_API_URL: github.apiUrl,
      GITHUB_CLIENT_ID: github.clientId,
      GITHUB_CLIENT_SECRET: github.clientSecret,
      GOOGLE_ISSUER: google.issuer,
      GOOGLE_CLIENT_ID: google.clientId,
      GOOGLE_CLIENT_SECRET: google.clientSecret,
    },
  }
}

/** How often a provider was asked to change a code for a token. */
function tokensAsked(provider: string): number {
  if (provider === 'google') return google.tokenRequests()
  return github.asked.filter(path => path.endsWith('/access_token')).length
}

onEveryEngine('sign-in', signInScenarios, providerEnv)

function signInScenarios(leaf: () => Leaf): void {
  let lastId = 0

  before(() => {
    github.allow(`${leaf().url}/pds/auth/github/callback`)
    google.allow(`${leaf().url}/pds/auth/google/callback`)
  })

  const visitor = () => createVisitor(leaf().url)
  const githubPerson = (login: string, verified = true) => {
    lastId += 1
    const emails = [
      { email: `other-${login}@example.net`, primary: false, verified: true },
      { email: `${login}@example.com`, primary: true, verified },
    ]
    github.person = { id: 1000 + lastId, login, name: login, emails }
    return github.person
  }
  const googlePerson = (name: string, emailVerified = true) => {
    lastId += 1
    google.person = { sub: `1101694844743862${lastId}`, name, email: `${name}@example.com`, emailVerified }
    return google.person
  }
  const start = (who: Visitor, provider: string) => who.go(`/pds/auth/${provider}`)
  const join = async (who: Visitor, provider: string, handle: string): Promise<Page> => {
    const choice = await start(who, provider)
    return who.submit(choice, '/pds/auth/create', { name: handle })
  }
  const didOf = async (handle: string): Promise<string | undefined> => {
    const answer = await send(
      leaf().url,
      get('com.atproto.identity.resolveHandle', { handle: `${handle}.test` }),
    )
    return (answer.json as { did?: string }).did
  }
  const expectAccount = (page: Page, handle: string) => {
    assert.deepEqual([page.status, page.url.pathname], [200, '/account'], textOf(page))
    assert.ok(page.html.includes(`@${handle}.test`), `expected the page of ${handle}: ${textOf(page)}`)
  }
  /** Not signed in, told so in a page, and not with a fault of the server. */
  const expectRefusal = async (who: Visitor, page: Page) => {
    assert.ok(page.status < 500, `expected a calm page, got ${textOf(page)}`)
    assert.ok(page.url.pathname !== '/account', `expected no account page: ${textOf(page)}`)
    const account = await who.go('/account')
    assert.ok(account.url.pathname !== '/account' || account.status >= 400, 'expected to be signed out')
  }

  for (const provider of ['github', 'google']) {
    describe(provider, () => {
      const person = (name: string, verified?: boolean) =>
        provider === 'github' ? githubPerson(name, verified) : googlePerson(name, verified)

      it('a first sign-in leads to the choice of a handle, and that to the account page', async () => {
        const name = `first-${provider}`
        person(name)
        const who = visitor()
        const choice = await start(who, provider)
        assert.equal(choice.url.pathname, '/pds/auth/create')
        assert.equal(await didOf(name), undefined)
        expectAccount(await who.submit(choice, '/pds/auth/create', { name }), name)
        const did = (await didOf(name)) ?? assert.fail('the handle does not resolve')
        const data = await resolverFor(leaf()).did.resolveAtprotoData(did)
        assert.deepEqual([data.handle, data.pds], [`${name}.test`, leaf().url])
      })

      it('the next sign-in leads straight to the account page, on any device', async () => {
        const name = `again-${provider}`
        person(name)
        expectAccount(await join(visitor(), provider, name), name)
        expectAccount(await start(visitor(), provider), name)
      })

      it('who cancels is told so and can try again', async () => {
        const name = `cancel-${provider}`
        person(name)
        const faults = provider === 'github' ? github.faults : google.faults
        const who = visitor()
        faults.denied = true
        const page = await start(who, provider)
        faults.denied = false
        await expectRefusal(who, page)
        assert.equal((await start(who, provider)).url.pathname, '/pds/auth/create')
      })

      it('a state is good for one sign-in only', async () => {
        const name = `replay-${provider}`
        person(name)
        const who = visitor()
        const choice = await start(who, provider)
        const callback =
          choice.way.find(url => url.pathname.endsWith('/callback')) ?? assert.fail('no callback')
        const asked = tokensAsked(provider)
        const again = await who.go(callback.href)
        assert.equal(tokensAsked(provider), asked, 'the code was taken to the provider a second time')
        assert.ok(again.status >= 400 && again.status < 500, `expected a refusal, got ${again.status}`)
      })

      it('a callback in a browser that did not begin it is refused', async () => {
        const name = `stolen-${provider}`
        person(name)
        const victim = visitor()
        const lure = await beginOnly(visitor(), provider)
        const asked = tokensAsked(provider)
        for (const address of [lure.href, `/pds/auth/${provider}/callback?code=abc&state=made-up`]) {
          const page = await victim.go(address)
          assert.ok(page.status >= 400 && page.status < 500, `expected a refusal, got ${textOf(page)}`)
          await expectRefusal(victim, page)
        }
        assert.equal(tokensAsked(provider), asked)
      })

      it('a handle that is taken, reserved or malformed is refused in place', async () => {
        person(`picky-${provider}`)
        const who = visitor()
        let page = await start(who, provider)
        for (const name of [`first-${provider}`, 'admin', 'a', 'no_good', '']) {
          page = await who.submit(page, '/pds/auth/create', { name })
          assert.ok(page.url.pathname.startsWith('/pds/auth/create'), `"${name}" led to ${page.url}`)
          assert.ok(page.status < 500)
        }
        expectAccount(
          await who.submit(page, '/pds/auth/create', { name: `picky-${provider}` }),
          `picky-${provider}`,
        )
      })

      it('an e-mail address that the provider has not verified is not confirmed here', async () => {
        const name = `mail-${provider}`
        person(name, false)
        const choice = await start(visitor(), provider)
        assert.ok(!/\bchecked\b/.test(choice.html) || choice.html.includes('not confirmed'), choice.html)
      })
    })
  }

  it('the identity is the number at GitHub, not the login and not the e-mail', async () => {
    const person = githubPerson('renaming')
    expectAccount(await join(visitor(), 'github', 'renaming'), 'renaming')
    github.person = {
      ...person,
      login: 'renamed',
      emails: [{ email: 'new@example.com', primary: true, verified: true }],
    }
    expectAccount(await start(visitor(), 'github'), 'renaming')
  })

  it('one e-mail address at two providers makes two people', async () => {
    githubPerson('twice')
    expectAccount(await join(visitor(), 'github', 'twice'), 'twice')
    googlePerson('twice')
    assert.equal((await start(visitor(), 'google')).url.pathname, '/pds/auth/create')
  })

  for (const fault of ['badCode', 'rateLimited', 'badCredentials', 'apiDown'] as const) {
    it(`a sign-in that fails at GitHub (${fault}) is told in a page, and works the next time`, async () => {
      const name = `gh-${fault.toLowerCase()}`
      githubPerson(name)
      const who = visitor()
      github.faults[fault] = true
      const page = await start(who, 'github')
      github.faults[fault] = false
      assert.ok(page.status >= 400 && page.status !== 500, `expected a refusal, got ${textOf(page)}`)
      assert.ok(!page.html.includes(github.clientSecret))
      expectAccount(await join(who, 'github', name), name)
    })
  }

  it('without the e-mail scope GitHub signs in all the same', async () => {
    githubPerson('noscope')
    github.faults.noEmailScope = true
    const page = await join(visitor(), 'github', 'noscope')
    github.faults.noEmailScope = false
    expectAccount(page, 'noscope')
  })

  it('without any e-mail address at GitHub one signs in all the same', async () => {
    github.person = { ...githubPerson('nomail'), emails: [] }
    expectAccount(await join(visitor(), 'github', 'nomail'), 'nomail')
  })

  it('an ID token with another nonce is refused', async () => {
    googlePerson('nonce')
    const who = visitor()
    google.faults.wrongNonce = true
    const page = await start(who, 'google')
    google.faults.wrongNonce = false
    assert.ok(page.status >= 400 && page.status !== 500, `expected a refusal, got ${textOf(page)}`)
    await who.go('/account')
    assert.equal((await start(who, 'google')).url.pathname, '/pds/auth/create')
  })

  it('a provider whose token endpoint is down is told in a page', async () => {
    googlePerson('down')
    google.faults.tokenDown = true
    const page = await start(visitor(), 'google')
    google.faults.tokenDown = false
    assert.ok(page.status >= 400 && page.status !== 500, `expected a refusal, got ${textOf(page)}`)
  })

  it('a second provider is linked, signs in to the same account, and is unlinked; the last way in stays', async () => {
    githubPerson('linker')
    googlePerson('linker-at-google')
    const who = visitor()
    const account = await join(who, 'github', 'linker')
    expectAccount(account, 'linker')
    const onward = await who.submit(account, '/pds/auth/google/link')
    const linked = await who.click(onward, 'Continue to Google')
    expectAccount(linked, 'linker')
    expectAccount(await start(visitor(), 'google'), 'linker')
    const unlinked = await who.submit(linked, '/account/unlink')
    assert.equal(unlinked.status, 200)
    expectAccount(await who.go('/account'), 'linker')
    assert.ok(!unlinked.html.includes('action="/account/unlink"'), 'the last way in offers no unlinking')
  })

  it('an identity of somebody else is not linked', async () => {
    googlePerson('landlord')
    expectAccount(await join(visitor(), 'google', 'landlord'), 'landlord')
    githubPerson('greedy')
    const who = visitor()
    const account = await join(who, 'github', 'greedy')
    const onward = await who.submit(account, '/pds/auth/google/link')
    const page = await who.click(onward, 'Continue to Google')
    assert.ok(page.status < 500)
    expectAccount(await start(visitor(), 'google'), 'landlord')
  })

  it('an app password from the account page signs an existing client in', async () => {
    githubPerson('clientele')
    const who = visitor()
    const account = await join(who, 'github', 'clientele')
    const page = await who.submit(account, '/account/app-passwords', { name: 'a client' })
    const password = /[a-z2-7]{4}(?:-[a-z2-7]{4}){3}/.exec(page.html)?.[0] ?? assert.fail(textOf(page))
    const agent = new AtpAgent({ service: leaf().url })
    await agent.login({ identifier: 'clientele.test', password })
    const { uri } = await agent.post({ text: 'from a client' })
    assert.ok(uri.startsWith(`at://${await didOf('clientele')}/`))
  })

  it('signing out ends the session', async () => {
    githubPerson('leaver')
    const who = visitor()
    expectAccount(await join(who, 'github', 'leaver'), 'leaver')
    const account = await who.go('/account')
    await who.submit(account, '/pds/auth/sign-out')
    assert.notEqual((await who.go('/account')).url.pathname, '/account')
  })

  it('a form without its csrf field is refused', async () => {
    githubPerson('forger')
    const who = visitor()
    const account = await join(who, 'github', 'forger')
    const page = await who.submit(account, '/account/post', { csrf: 'made-up', text: 'not mine' })
    assert.equal(page.status, 403)
  })

  it('the development sign-in makes up a person and goes the same way', async () => {
    const who = visitor()
    const page = await start(who, 'dev')
    const choice = await who.submit(page, '/pds/auth/dev', { name: 'Imagined' })
    assert.equal(choice.url.pathname, '/pds/auth/create')
    expectAccount(await who.submit(choice, '/pds/auth/create', { name: 'imagined' }), 'imagined')
  })

  it('a state is good for ten minutes', async () => {
    githubPerson('slowly')
    const who = visitor()
    const begun = await beginOnly(who, 'github')
    await leaf().kill()
    await alterRows(leaf(), 'UPDATE pds_oauth_state SET created_at = created_at - 601000')
    await leaf().start()
    const page = await who.go(begun.href)
    assert.ok(page.status >= 400 && page.status < 500, `expected a refusal, got ${textOf(page)}`)
    await expectRefusal(who, page)
  })

  it('a creation that kill -9 interrupts is finished or undone, and the person gets her handle', async () => {
    for (const afterMs of [2, 8, 15, 25, 40]) {
      const name = `cut-${afterMs}`
      githubPerson(name)
      const who = visitor()
      const choice = await start(who, 'github')
      const creating = who.submit(choice, '/pds/auth/create', { name }).catch(() => undefined)
      await new Promise(resolve => setTimeout(resolve, afterMs))
      await leaf().kill()
      await creating
      await alterRows(leaf(), 'UPDATE pds_pending_accounts SET created_at = created_at - 600000')
      await leaf().start()
      const page = await start(visitor(), 'github')
      if (page.url.pathname === '/account') expectAccount(page, name)
      else expectAccount(await join(visitor(), 'github', name), name)
    }
  })
}

/** Goes to the provider and gives the address that it sends back to, without following it. */
async function beginOnly(who: Visitor, provider: string): Promise<URL> {
  const stop = new Error('far enough')
  let back: URL | undefined
  await who
    .go(`/pds/auth/${provider}`, url => {
      if (!url.pathname.endsWith('/callback')) return
      back = url
      throw stop
    })
    .catch((error: unknown) => {
      if (error !== stop) throw error
    })
  return back ?? assert.fail('the provider did not send back')
}
