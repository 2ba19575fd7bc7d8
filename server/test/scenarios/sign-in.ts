/** The way in through each provider, and what can go wrong on it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resolverFor } from '../support/identity.ts'
import { type ProviderName, providerNames } from '../support/providers.ts'
import { expectAccount, expectNo, expectRefusal, type SignInHouse } from '../support/sign-in-house.ts'
import { textOf } from '../support/visitor.ts'

export function signInScenarios(house: SignInHouse): void {
  for (const provider of providerNames) describe(provider, () => providerScenarios(house, provider))
  describe('faults at GitHub', () => githubScenarios(house))
  describe('faults at an OpenID provider', () => oidcScenarios(house))
}

function providerScenarios(house: SignInHouse, provider: ProviderName): void {
  const { leaf, providers, visitor, start, join, begin, didOf } = house
  const person = (name: string, verified?: boolean) => providers().person(provider, name, verified)

  it('a first sign-in leads to the choice of a handle, and that to the account page', async () => {
    const name = `first-${provider}`
    person(name)
    const who = visitor()
    const choice = await start(who, provider)
    assert.equal(choice.url.pathname, '/pds/auth/create', textOf(choice))
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
    person(`cancel-${provider}`)
    const who = visitor()
    providers().deny(provider, true)
    const page = await start(who, provider)
    providers().deny(provider, false)
    await expectRefusal(who, page)
    assert.equal((await start(who, provider)).url.pathname, '/pds/auth/create')
  })

  it('a state is good for one sign-in only', async () => {
    person(`replay-${provider}`)
    const who = visitor()
    const choice = await start(who, provider)
    const callback = choice.way.find(url => url.pathname.endsWith('/callback')) ?? assert.fail('no callback')
    const asked = providers().tokensAsked(provider)
    expectNo(await who.go(callback.href))
    assert.equal(providers().tokensAsked(provider), asked, 'the code was taken to the provider a second time')
  })

  it('a callback in a browser that did not begin it signs nobody in', async () => {
    person(`stolen-${provider}`)
    const victim = visitor()
    const lure = await begin(visitor(), provider)
    const asked = providers().tokensAsked(provider)
    for (const address of [lure.href, `/pds/auth/${provider}/callback?code=abc&state=made-up`]) {
      const page = await victim.go(address)
      expectNo(page)
      await expectRefusal(victim, page)
    }
    assert.equal(providers().tokensAsked(provider), asked)
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
    const last = await who.submit(page, '/pds/auth/create', { name: `picky-${provider}` })
    expectAccount(last, `picky-${provider}`)
  })

  it('an e-mail address that the provider has not verified is not confirmed here', async () => {
    person(`mail-${provider}`, false)
    const choice = await start(visitor(), provider)
    assert.ok(!/\bchecked\b/.test(choice.html) || choice.html.includes('not confirmed'), textOf(choice))
  })
}

function githubScenarios({ providers, visitor, start, join }: SignInHouse): void {
  for (const fault of ['badCode', 'rateLimited', 'badCredentials', 'apiDown'] as const) {
    it(`${fault}: it is told in a page, and works the next time`, async () => {
      const name = `gh-${fault.toLowerCase()}`
      providers().person('github', name)
      const who = visitor()
      providers().github.faults[fault] = true
      const page = await start(who, 'github')
      providers().github.faults[fault] = false
      expectNo(page)
      assert.ok(!page.html.includes(providers().github.clientSecret))
      expectAccount(await join(who, 'github', name), name)
    })
  }

  it('without the e-mail scope one signs in all the same', async () => {
    providers().person('github', 'noscope')
    providers().github.faults.noEmailScope = true
    const page = await join(visitor(), 'github', 'noscope')
    providers().github.faults.noEmailScope = false
    expectAccount(page, 'noscope')
  })

  it('without any e-mail address one signs in all the same', async () => {
    providers().person('github', 'nomail')
    providers().github.person = { ...providers().github.person, emails: [] }
    expectAccount(await join(visitor(), 'github', 'nomail'), 'nomail')
  })
}

function oidcScenarios({ providers, visitor, start, join }: SignInHouse): void {
  for (const fault of ['wrongNonce', 'tokenDown'] as const) {
    it(`${fault}: it is told in a page, and works the next time`, async () => {
      const name = `oidc-${fault.toLowerCase()}`
      providers().person('google', name)
      const who = visitor()
      providers().google.faults[fault] = true
      const page = await start(who, 'google')
      providers().google.faults[fault] = false
      expectNo(page)
      expectAccount(await join(who, 'google', name), name)
    })
  }

  it('a provider that nothing is known of yet, and that is down, is told in a page', async () => {
    providers().campus.faults.discoveryDown = true
    const page = await start(visitor(), 'campus')
    providers().campus.faults.discoveryDown = false
    assert.notEqual(page.status, 500, textOf(page))
    providers().person('campus', 'patient')
    expectAccount(await join(visitor(), 'campus', 'patient'), 'patient')
  })
}
