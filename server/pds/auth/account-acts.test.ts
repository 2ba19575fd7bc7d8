import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { Account } from '../database/accounts.ts'
import { insertIdentity } from '../database/identities.ts'
import { type AccountActs, createAccountActs } from './account-acts.ts'
import { type AuthHouse, openAuthHouse, somewhere } from './test-house.ts'

let house: AuthHouse
let alice: Account
let acts: AccountActs

beforeEach(async () => {
  house = await openAuthHouse()
  alice = await house.person('alice')
  const { database, clock, passwords, appPasswords } = house
  const providers = [
    { id: 'github', label: 'GitHub' },
    { id: 'google', label: 'Google' },
  ]
  acts = createAccountActs({ database, clock, passwords, appPasswords, providers, blobQuotaBytes: 7 })
})
afterEach(() => house.close())

const link = (provider: string, providerId: string) =>
  house.database.write(tx =>
    insertIdentity(tx, {
      provider,
      providerId,
      account: alice.id,
      label: providerId,
      email: null,
      emailVerified: 0,
      linkedAt: 0,
      lastUsedAt: 0,
    }),
  )
const last = /the last way into the account/

test('the last way in is never taken away, and app passwords are none', async () => {
  await acts.createAppPassword(alice.id, { name: 'phone', privileged: true })
  await assert.rejects(acts.removePassword(alice.id), last)
  await link('github', '1')
  await acts.removePassword(alice.id)
  await assert.rejects(acts.unlink(alice.id, { provider: 'github', providerId: '1' }), last)
  await link('google', '2')
  await acts.unlink(alice.id, { provider: 'github', providerId: '1' })
  await assert.rejects(acts.unlink(alice.id, { provider: 'google', providerId: '2' }), last)
  await acts.setPassword(alice.id, 'a new password', '')
  await acts.unlink(alice.id, { provider: 'google', providerId: '2' })
})

test('of two that take away the two last ways in at once, one is refused', async () => {
  await link('github', '1')
  const both = await Promise.allSettled([
    acts.removePassword(alice.id),
    acts.unlink(alice.id, { provider: 'github', providerId: '1' }),
  ])
  assert.deepEqual(both.map(one => one.status).toSorted(), ['fulfilled', 'rejected'])
})

test('the view shows what there is, and which session asks', async () => {
  await link('github', '1')
  const { sessionId } = await house.open(alice)
  await house.open(alice)
  await acts.createAppPassword(alice.id, { name: 'phone', privileged: false })
  const view = (await acts.view(alice.id, sessionId)) ?? assert.fail('no view')
  assert.deepEqual(view.linkable, [{ id: 'google', label: 'Google' }])
  assert.deepEqual(
    view.identities.map(one => [one.providerLabel, one.label, one.removable]),
    [['GitHub', '1', true]],
  )
  assert.deepEqual([view.sessions.length, view.sessions.filter(one => one.here).length], [2, 1])
  assert.deepEqual(
    [view.sessions[0]?.device, view.sessions[0]?.address],
    [somewhere.device, somewhere.address],
  )
  assert.deepEqual([view.hasPassword, view.recordCount, view.blobQuotaBytes], [true, 0, 7])
  assert.deepEqual(
    view.appPasswords.map(one => one.name),
    ['phone'],
  )
  assert.equal(await acts.view(4711, ''), undefined)
})

test('sessions end one by one, or all but this one; nobody ends another account’s', async () => {
  const bob = await house.person('bob')
  const theirs = await house.open(bob)
  const [here, there] = [await house.open(alice), await house.open(alice)]
  await acts.endSession(alice.id, theirs.sessionId)
  await acts.endSession(alice.id, there.sessionId)
  await house.open(alice)
  assert.equal(await acts.endOtherSessions(alice.id, here.sessionId), 1)
  const works = async (token: string) => house.authenticate({ need: 'session' }, `Bearer ${token}`, 'a.b.c')
  await works(theirs.accessJwt)
  await works(here.accessJwt)
  await assert.rejects(works(there.accessJwt), { wireName: 'ExpiredToken' })
})

test('a new password ends the other sessions', async () => {
  const [here, there] = [await house.open(alice), await house.open(alice)]
  await assert.rejects(acts.setPassword(alice.id, 'short', here.sessionId), /8 to 256 characters/)
  await acts.setPassword(alice.id, 'a new password', here.sessionId)
  const view = await acts.view(alice.id, here.sessionId)
  assert.deepEqual(
    view?.sessions.map(one => one.id),
    [here.sessionId],
  )
  assert.notEqual(there.sessionId, here.sessionId)
})
