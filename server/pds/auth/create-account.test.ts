import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { Refusal } from '../../kernel/errors.ts'
import { accountByDid } from '../database/accounts.ts'
import { identityOf } from '../database/identities.ts'
import { oauthState, putOauthState } from '../database/oauth-state.ts'
import { repoState } from '../database/repo-state.ts'
import type { AccountWish } from './account-wish.ts'
import { pendingAgeMs } from './creation-sweeper.ts'
import { type AuthHouse, openAuthHouse } from './test-house.ts'

let house: AuthHouse

beforeEach(async () => {
  house = await openAuthHouse()
})
afterEach(() => house.close())

const wish = (name: string, more: Partial<AccountWish> = {}): AccountWish => ({
  way: { kind: 'password' },
  handle: `${name}.test`,
  email: `${name}@example.com`,
  password: 'a good long password',
  ...more,
})
const accountOf = async (did: string) =>
  (await house.database.read(tx => accountByDid(tx, did))) ?? assert.fail(`no account ${did}`)
const register = async (key: string) => {
  const row = { state: key, provider: 'github', data: '{}', createdAt: house.clock.now() }
  await house.database.write(tx => putOauthState(tx, row))
}
const throughGithub = (id: string): AccountWish['way'] => ({
  kind: 'provider',
  registration: `registration of ${id}`,
  identity: { provider: 'github', providerId: id, label: id, email: null, emailVerified: false },
})

test('a new account has its DID in the directory, an empty repository, and four events in the order relays expect', async () => {
  const { did, id } = await house.createAccount(wish('Alice'))
  const account = await accountOf(did)
  assert.deepEqual(
    [account.handle, account.email, account.status],
    ['alice.test', 'alice@example.com', 'active'],
  )
  assert.deepEqual((await house.plc.data(did))?.verificationMethods, { atproto: account.signingKey })
  assert.deepEqual(await house.events(did), ['identity', 'account', 'commit', 'sync'])
  assert.equal((await house.database.read(tx => repoState(tx, id)))?.recordCount, 0)
  assert.equal(await house.count('pds_pending_accounts'), 0)
  await house.assertServedHere(account)
})

test('what is taken or is none is refused in the words of the reference, and nothing is left over', async () => {
  await house.createAccount(wish('alice'))
  const refused: [Partial<AccountWish>, string, RegExp][] = [
    [{ handle: 'ALICE.test' }, 'InvalidRequest', /^Handle already taken: alice\.test$/],
    [{ email: 'Alice@example.com' }, 'InvalidRequest', /^Email already taken: alice@example\.com$/],
    [{ email: '' }, 'InvalidRequest', /^Email is required$/],
    [{ email: 'nobody' }, 'InvalidRequest', /^This email address is not supported/],
    [{ password: 'x'.repeat(257) }, 'InvalidRequest', /^Password too long/],
    [{ handle: 'a.test' }, 'InvalidHandle', /too short/],
    [{ handle: 'admin.test' }, 'HandleNotAvailable', /Reserved/],
    [{ handle: 'bob.example.com' }, 'UnsupportedDomain', /Not a supported handle domain/],
    [{ recoveryKey: 'did:key:zoo' }, 'InvalidRequest', /did:key/],
  ]
  for (const [change, wireName, message] of refused) {
    await assert.rejects(house.createAccount(wish('bob', change)), { code: 'invalid', wireName, message })
  }
  assert.deepEqual([await house.count('pds_accounts'), await house.count('pds_pending_accounts')], [1, 0])
})

test('of two who want one handle at once, one gets it', async () => {
  const both = await Promise.allSettled([
    house.createAccount(wish('alice', { email: 'a@example.com' })),
    house.createAccount(wish('alice', { email: 'b@example.com' })),
  ])
  assert.deepEqual(both.map(one => one.status).toSorted(), ['fulfilled', 'rejected'])
  const [lost] = both.filter(one => one.status === 'rejected')
  assert.equal(lost?.reason.message, 'Handle already taken: alice.test')
  assert.equal(await house.count('pds_accounts'), 1)
})

test('of two who want one e-mail address at once, one gets it', async () => {
  const email = 'same@example.com'
  const both = await Promise.allSettled([
    house.createAccount(wish('alice', { email })),
    house.createAccount(wish('bob', { email })),
  ])
  assert.deepEqual(both.map(one => one.status).toSorted(), ['fulfilled', 'rejected'])
  const [lost] = both.filter(one => one.status === 'rejected')
  assert.equal(lost?.reason.message, `Email already taken: ${email}`)
})

test('when the directory does not answer, the handle waits until it is known whether the DID stands there', async () => {
  house.setWeather('down')
  await assert.rejects(house.createAccount(wish('alice')), { code: 'upstream', wireName: 'UpstreamFailure' })
  assert.equal(await house.count('pds_pending_accounts'), 1)
  await assert.rejects(house.createAccount(wish('alice', { email: 'x@example.com' })), {
    message: 'Handle already taken: alice.test',
  })
  house.clock.advance(pendingAgeMs + 1)
  assert.deepEqual(await house.sweepCreations(), { finished: 0, undone: 0 })
  house.setWeather('fine')
  assert.deepEqual(await house.sweepCreations(), { finished: 0, undone: 1 })
  assert.deepEqual(await house.count('pds_accounts'), 0)
  await house.createAccount(wish('alice'))
})

test('when only the answer was lost, the sweeper finishes the account', async () => {
  house.setWeather('answers lost')
  await assert.rejects(house.createAccount(wish('alice')), { wireName: 'UpstreamFailure' })
  house.setWeather('fine')
  assert.deepEqual(await house.sweepCreations(), { finished: 0, undone: 0 }, 'it may still be under way')
  house.clock.advance(pendingAgeMs + 1)
  assert.deepEqual(await house.sweepCreations(), { finished: 1, undone: 0 })
  assert.deepEqual(await house.sweepCreations(), { finished: 0, undone: 0 })
  const { account } = await house.logIn({
    identifier: 'alice.test',
    password: 'a good long password',
    allowTakendown: false,
  })
  assert.deepEqual(await house.events(account.did), ['identity', 'account', 'commit', 'sync'])
})

test('when the answer was lost but the DID stands, the creation goes on', async () => {
  const { creation } = house
  const publishIdentity: typeof creation.publishIdentity = async (did, operation) => {
    await creation.publishIdentity(did, operation)
    throw new Refusal('upstream-timeout', 'the answer was lost')
  }
  const createAccount = house.createAccountWith({ ...creation, publishIdentity })
  const { did } = await createAccount(wish('alice'))
  assert.equal((await accountOf(did)).handle, 'alice.test')
})

test('through a provider the identity is linked, and the registration is used up', async () => {
  const way = throughGithub('1001')
  await register('registration of 1001')
  const { id } = await house.createAccount(
    wish('alice', { way, email: 'a@example.com', emailConfirmed: true }),
  )
  const identity = await house.database.read(tx => identityOf(tx, 'github', '1001'))
  assert.equal(identity?.account, id)
  await assert.rejects(house.createAccount(wish('alice2', { way })), /belongs to an account already/)
})

test('one registration makes one account, also when the button is pressed twice', async () => {
  await register('registration of 1001')
  const both = await Promise.allSettled([
    house.createAccount(wish('alice', { way: throughGithub('1001') })),
    house.createAccount(wish('alice2', { way: throughGithub('1001') })),
  ])
  assert.deepEqual(both.map(one => one.status).toSorted(), ['fulfilled', 'rejected'])
  assert.equal(await house.count('pds_accounts'), 1)
})

test('a creation that is undone gives registration and invite back', async () => {
  await house.close()
  house = await openAuthHouse({ signUp: 'invite' })
  const { code } = await house.invites.create({ uses: 1, createdBy: 'operator' })
  await register('registration of 1001')
  house.setWeather('down')
  const way = throughGithub('1001')
  await assert.rejects(house.createAccount(wish('alice', { way, inviteCode: code })), Refusal)
  assert.equal((await house.invites.list())[0]?.usesLeft, 0)
  house.setWeather('fine')
  house.clock.advance(pendingAgeMs + 1)
  await house.sweepCreations()
  assert.equal((await house.invites.list())[0]?.usesLeft, 1)
  assert.ok(await house.database.read(tx => oauthState(tx, 'registration of 1001')))
})

test('an e-mail address of somebody else is left out for who comes through a provider', async () => {
  await house.createAccount(wish('alice'))
  await register('registration of 1002')
  const way = throughGithub('1002')
  const { did } = await house.createAccount(
    wish('bob', { way, email: 'alice@example.com', emailConfirmed: true }),
  )
  const { email, emailConfirmedAt } = await accountOf(did)
  assert.deepEqual([email, emailConfirmedAt], [null, null])
})

test('who may sign up is one policy for every way in', async () => {
  const expected = {
    open: { password: 1, provider: 1 },
    invite: { password: 0, provider: 0 },
    providers: { password: 0, provider: 1 },
    closed: { password: 0, provider: 0 },
  } as const
  for (const signUp of ['open', 'invite', 'providers', 'closed'] as const) {
    await house.close()
    house = await openAuthHouse({ signUp })
    await register('registration of 1')
    for (const [kind, way] of [
      ['password', { kind: 'password' }],
      ['provider', throughGithub('1')],
    ] as const) {
      const answer = house.createAccount(wish(`by-${kind}`, { way }))
      if (expected[signUp][kind] === 1) await answer
      else await assert.rejects(answer, { code: 'invalid' }, `${signUp} ${kind}`)
    }
  }
})

test('an invite code is good for as many accounts as it says', async () => {
  await house.close()
  house = await openAuthHouse({ signUp: 'invite' })
  const { code } = await house.invites.create({ uses: 2, createdBy: 'operator' })
  const missing = { wireName: 'InvalidInviteCode', message: 'No invite code provided' }
  await assert.rejects(house.createAccount(wish('nobody')), missing)
  await house.createAccount(wish('alice', { inviteCode: code }))
  await house.createAccount(wish('bob', { inviteCode: code }))
  await assert.rejects(house.createAccount(wish('carol', { inviteCode: code })), {
    wireName: 'InvalidInviteCode',
    message: 'Provided invite code not available',
  })
})

const movingIn = async () => {
  // A DID that lives in the directory, but has no account here.
  const { did, operation } = house.creation.prepareIdentity({ handle: 'moved.test' })
  await house.creation.publishIdentity(did, operation)
  const proof = { hash: 'f'.repeat(64), expiresAt: house.clock.now() + 60_000 }
  return { did, way: { kind: 'migration', did, proof } as const }
}

test('a DID that moves in rests, without events, until it is activated', async () => {
  const { did, way } = await movingIn()
  const { id } = await house.createAccount({ way, handle: 'moved.test', password: 'a good long password' })
  assert.equal((await accountOf(did)).status, 'deactivated')
  assert.deepEqual(await house.events(did), [])
  await assert.rejects(house.status.activate(id), /Server rotation key not included in PLC DID data/)
  await assert.rejects(
    house.createAccount({ way, handle: 'second.test' }),
    /account of did:plc:\w+ here already/,
  )
})

test('a foreign handle comes along only if it is the DID’s', async () => {
  const { did, way } = await movingIn()
  const moving = { way, handle: 'moved.example.org' }
  await assert.rejects(house.createAccount(moving), /External handle did not resolve to DID/)
  house.outside.set('moved.example.org', did)
  assert.equal((await house.createAccount(moving)).handle, 'moved.example.org')
})

test('the proof of a DID is good for one account', async () => {
  const { way } = await movingIn()
  const { id } = await house.createAccount({ way, handle: 'moved.test' })
  await house.status.remove(id)
  await assert.rejects(house.createAccount({ way, handle: 'moved.test' }), { code: 'unauthenticated' })
})

test('nobody moves in where the policy does not let him', async () => {
  await house.close()
  house = await openAuthHouse({ migrationIn: false })
  const { way } = await movingIn()
  await assert.rejects(house.createAccount({ way, handle: 'moved.test' }), /takes in no existing accounts/)
})
