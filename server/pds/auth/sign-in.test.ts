import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { Page } from '../../test/support/visitor.ts'
import { accountByHandle, setStatus } from '../database/accounts.ts'
import { publicUrl } from '../identity/test-house.ts'
import { createDevelopmentProvider } from './development.ts'
import { sessionBinding } from './page-session.ts'
import { registrationMs, stateMs } from './sign-in-state.ts'
import type { SignUp } from './sign-up-policy.ts'
import { type AuthHouse, openAuthHouse } from './test-house.ts'
import { type AuthSite, createSteps, expectPage, openAuthSite } from './test-site.ts'

let house: AuthHouse
let site: AuthSite
let url: string

const open = async (signUp: SignUp) => {
  house = await openAuthHouse({ signUp })
  site = await openAuthSite(house, signUp)
  url = site.url
}
const close = async () => {
  await site.close()
  await house.close()
}

beforeEach(() => open('open'))
afterEach(() => close())

const visitor = () => createSteps(house, site).visitor()
type Visitor = ReturnType<typeof visitor>
const arrive = (who: Visitor, name: string, start?: string) =>
  createSteps(house, site).arrive(who, name, start)
const join = (who: Visitor, name: string) => createSteps(house, site).join(who, name)
const sessionOf = (who: Visitor) => createSteps(house, site).sessionOf(who)
const handleOf = (who: Visitor) => createSteps(house, site).handleOf(who)
const expect = expectPage

test('a first sign-in leads to the choice of a handle, the next one straight on', async () => {
  const who = visitor()
  const choice = await arrive(who, 'Alice', '/pds/auth/dev?return_to=/somewhere')
  expect(choice, 200, /choose Development alice@example.test/)
  assert.equal(await handleOf(who), undefined)
  const done = await who.submit(choice, '/pds/auth/create', { name: 'alice' })
  assert.equal(done.url.pathname, '/somewhere')
  assert.equal(await handleOf(who), 'alice.test')
  const account = await house.database.read(tx => accountByHandle(tx, 'alice.test'))
  assert.deepEqual([account?.email, account?.emailConfirmedAt], ['alice@example.test', house.clock.now()])

  const elsewhere = visitor()
  assert.equal((await arrive(elsewhere, 'alice')).url.pathname, '/account')
  assert.equal(await handleOf(elsewhere), 'alice.test')
})

test('who does not want her e-mail address kept goes without', async () => {
  const who = visitor()
  await who.submit(await arrive(who, 'alice'), '/pds/auth/create', { name: 'alice', use_email: '' })
  assert.equal((await sessionOf(who))?.account.email, null)
})

test('what is wrong with a handle is told in place, and the next try works', async () => {
  await house.person('taken')
  const who = visitor()
  let page = await arrive(who, 'alice')
  for (const [name, words] of [
    ['taken', /Handle already taken: taken\.test/],
    ['a', /at least 3 characters/],
    ['admin', /reserved/],
    ['two.parts', /no dots/],
    ['', /choose/],
  ] as const) {
    page = await who.submit(page, '/pds/auth/create', { name })
    expect(page, 400, words)
  }
  await who.submit(page, '/pds/auth/create', { name: '@alice.test' })
  assert.equal(await handleOf(who), 'alice.test')
})

test('when the directory is away nothing is lost, and who comes back gets her account', async () => {
  const who = visitor()
  const choice = await arrive(who, 'alice')
  house.setWeather('answers lost')
  expect(await who.submit(choice, '/pds/auth/create', { name: 'alice' }), 503, /account is being made/)
  expect(await arrive(who, 'alice'), 503, /account is being made/)
  house.clock.advance(45_000)
  expect(await arrive(who, 'alice'), 503, /account is being made/)
  house.setWeather('fine')
  assert.equal((await arrive(who, 'alice')).url.pathname, '/account')
  assert.equal(await handleOf(who), 'alice.test')
})

test('when the directory never heard of it, who comes back chooses anew', async () => {
  const who = visitor()
  const choice = await arrive(who, 'alice')
  house.setWeather('down')
  expect(await who.submit(choice, '/pds/auth/create', { name: 'alice' }), 503, /account is being made/)
  house.setWeather('fine')
  house.clock.advance(45_000)
  await who.submit(await arrive(who, 'alice'), '/pds/auth/create', { name: 'alice' })
  assert.equal(await handleOf(who), 'alice.test')
})

const callbackOf = (page: Page) =>
  page.way.find(one => one.pathname === '/pds/auth/dev/callback')?.href ?? assert.fail('no callback')

test('a state is used once, by the browser that began, within ten minutes', async () => {
  const who = visitor()
  const callback = callbackOf(await arrive(who, 'alice'))
  expect(await who.go(callback), 400, /This sign-in is over/)

  const thief = visitor()
  const begun = await who.go('/pds/auth/dev')
  const state = new URL(begun.url).searchParams.get('state')
  expect(await thief.go(`/pds/auth/dev/callback?code=x&state=${state}`), 400, /This sign-in is over/)
  expect(await who.go(`/pds/auth/dev/callback?code=x&state=${state}`), 400, /This sign-in is over/)

  const slow = await who.go('/pds/auth/dev')
  house.clock.advance(stateMs)
  expect(await who.submit(slow, '/pds/auth/dev/authorize', { name: 'alice' }), 400, /This sign-in is over/)
})

test('nobody is led into somebody else’s sign-in', async () => {
  const begun = new URL((await visitor().go('/pds/auth/dev')).url)
  const callback = await site.development.authorize({
    name: 'mallory',
    state: begun.searchParams.get('state') ?? '',
    codeChallenge: begun.searchParams.get('code_challenge') ?? '',
    redirectUri: begun.searchParams.get('redirect_uri') ?? '',
  })
  const victim = visitor()
  await victim.go('/sign-in')
  expect(await victim.go(callback ?? ''), 400, /began in another browser/)
  expect(await victim.go('/pds/auth/create'), 400, /This sign-in is over/)
})

test('a code is good for the sign-in that it was given for', async () => {
  const who = visitor()
  const first = callbackOf(await arrive(who, 'alice'))
  const other = await who.go('/pds/auth/dev')
  const mixed = new URL(first)
  mixed.searchParams.set('state', new URL(other.url).searchParams.get('state') ?? '')
  expect(await who.go(mixed.href), 400, /This sign-in is over/)
  const begun = await who.go('/pds/auth/dev')
  const state = new URL(begun.url).searchParams.get('state')
  expect(await who.go(`/pds/auth/dev/callback?error=access_denied&state=${state}`), 400, /you cancelled/)
})

test('a code that was given for another challenge is not taken', async () => {
  const who = visitor()
  const [one, two] = [(await who.go('/pds/auth/dev')).url, (await who.go('/pds/auth/dev')).url]
  const callback = await site.development.authorize({
    name: 'mallory',
    state: one.searchParams.get('state') ?? '',
    codeChallenge: two.searchParams.get('code_challenge') ?? '',
    redirectUri: one.searchParams.get('redirect_uri') ?? '',
  })
  expect(await who.go(callback ?? ''), 502, /cannot be trusted/)
})

test('a registration ends after an hour, and belongs to one browser', async () => {
  const who = visitor()
  const choice = await arrive(who, 'alice')
  expect(await visitor().go('/pds/auth/create'), 400, /This sign-in is over/)
  house.clock.advance(registrationMs)
  expect(await who.submit(choice, '/pds/auth/create', { name: 'alice' }), 400, /This sign-in is over/)
  assert.equal(await house.count('pds_accounts'), 0)
})

test('pressing the button twice makes one account and leads to it', async () => {
  const who = visitor()
  const choice = await arrive(who, 'alice')
  await who.submit(choice, '/pds/auth/create', { name: 'alice' })
  assert.equal((await who.submit(choice, '/pds/auth/create', { name: 'alice' })).url.pathname, '/account')
  assert.equal(await house.count('pds_accounts'), 1)
})

test('a password signs in on the page, an app password and a wrong one do not', async () => {
  const alice = await house.person('alice')
  const { password } = await house.appPasswords.create(alice.id, { name: 'phone', privileged: true })
  const who = visitor()
  let page = await who.go('/sign-in?return_to=//evil.example')
  page = await who.submit(page, '/pds/auth/sign-in', { identifier: 'alice.test', password: 'wrong' })
  expect(page, 401, /is not right/)
  page = await who.submit(page, '/pds/auth/sign-in', { password })
  expect(page, 401, /This is an app password/)
  page = await who.submit(page, '/pds/auth/sign-in', { password: 'password of alice' })
  assert.deepEqual([page.url.origin, page.url.pathname], [url, '/account'])
  assert.equal(await handleOf(who), 'alice.test')
  assert.equal((await who.go('/sign-in')).url.pathname, '/account')
})

test('signing out ends the session, and only a form of ours does it', async () => {
  const who = visitor()
  await join(who, 'alice')
  const session = await sessionOf(who)
  const post = (csrf: string, origin?: string) =>
    fetch(`${url}/pds/auth/sign-out`, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        cookie: [...who.cookies()].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(origin === undefined ? {} : { origin }),
      },
      body: new URLSearchParams({ csrf }),
    })
  const { csrf, sessionId } = session!
  for (const [token, origin] of [
    ['', url],
    [csrf.slice(1), url],
    [house.csrf.token(sessionBinding(`${sessionId}x`)), url],
    [csrf, 'https://evil.example'],
    [csrf, 'null'],
  ] as const) {
    assert.equal((await post(token, origin)).status, 403, `${token} ${origin}`)
  }
  assert.equal(await handleOf(who), 'alice.test')
  assert.equal((await post(csrf, url)).status, 303)
  assert.equal(await handleOf(who), undefined)
})

test('signing in anew ends the session that the browser had', async () => {
  const who = visitor()
  await join(who, 'alice')
  await arrive(who, 'alice')
  assert.equal(await house.count('pds_sessions'), 1)
})

test('an account that was taken down does not get in', async () => {
  await join(visitor(), 'alice')
  const account = await house.database.read(tx => accountByHandle(tx, 'alice.test'))
  await house.database.write(tx => setStatus(tx, account!.id, 'takendown', 0))
  const who = visitor()
  expect(await arrive(who, 'alice'), 403, /taken down/)
  assert.equal(await handleOf(who), undefined)
})

test('where nobody new is taken, a stranger is told so', async () => {
  await close()
  await open('closed')
  expect(await arrive(visitor(), 'alice'), 403, /takes no new accounts/)
})

test('where invites are needed, the code is asked for beside the handle', async () => {
  await close()
  await open('invite')
  const { code } = await house.invites.create({ uses: 1, createdBy: 'operator' })
  const who = visitor()
  const page = await who.submit(await arrive(who, 'alice'), '/pds/auth/create', { name: 'alice' })
  expect(page, 400, /No invite code provided/)
  await who.submit(page, '/pds/auth/create', { name: 'alice', invite_code: ` ${code} ` })
  assert.equal(await handleOf(who), 'alice.test')
})

test('a form with NUL in it, of another type, or too large, is refused', async () => {
  const who = visitor()
  const choice = await arrive(who, 'alice')
  expect(
    await who.submit(choice, '/pds/auth/create', { name: 'alice', invite_code: 'a\0b' }),
    400,
    /contains NUL/,
  )
  expect(
    await who.submit(choice, '/pds/auth/create', { name: 'a'.repeat(20_000) }),
    413,
    /at most 16384 bytes/,
  )
  const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }
  assert.equal((await fetch(`${url}/pds/auth/sign-in`, json)).status, 415)
})

test('a provider that is not set up is told so, and attempts are counted', async () => {
  expect(await visitor().go('/pds/auth/google'), 404, /no such way in/)
  await visitor().go('/pds/auth/dev')
  await visitor().go('/pds/auth/available?handle=alice.test')
  assert.deepEqual(site.charged, ['auth sign-in 192.0.2.1', 'read available 192.0.2.1'])
})

test('the development provider takes names only, and none in production', async () => {
  const who = visitor()
  const page = await who.go('/pds/auth/dev')
  expect(await who.submit(page, '/pds/auth/dev/authorize', { name: 'Robert"); --' }), 400, /letters, digits/)
  const elsewhere = { name: 'x', redirect_uri: 'https://evil.example/pds/auth/dev/callback' }
  expect(await who.submit(page, '/pds/auth/dev/authorize', elsewhere), 400, /letters, digits/)
  const { database, clock, random } = house
  const wish = { database, clock, random, production: true, publicUrl }
  assert.throws(() => createDevelopmentProvider(wish), /does not exist in production/)
})
