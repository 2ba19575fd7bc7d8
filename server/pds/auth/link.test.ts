import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { createAccountActs } from './account-acts.ts'
import { type AuthHouse, openAuthHouse } from './test-house.ts'
import { type AuthSite, createSteps, expectPage, form, openAuthSite } from './test-site.ts'

let house: AuthHouse
let site: AuthSite
let steps: ReturnType<typeof createSteps>

beforeEach(async () => {
  house = await openAuthHouse()
  site = await openAuthSite(house, 'open')
  steps = createSteps(house, site)
})
afterEach(async () => {
  await site.close()
  await house.close()
})

test('a second identity is linked by a form of ours, and then signs in to the same account', async () => {
  const who = steps.visitor()
  await steps.join(who, 'alice')
  const begin = async (csrf: string) => {
    const page = await who.go('/pds/auth/dev')
    const html = form('/pds/auth/dev/link', { csrf })
    return who.submit({ ...page, html }, '/pds/auth/dev/link')
  }
  expectPage(await begin('made-up'), 403, /not, or no longer/)
  const forward = await begin((await steps.sessionOf(who))?.csrf ?? '')
  const authorize = await who.click(forward, 'on to Development')
  const done = await who.submit(authorize, '/pds/auth/dev/authorize', { name: 'alter-ego' })
  assert.equal(done.url.pathname, '/account')
  const other = steps.visitor()
  await steps.arrive(other, 'alter-ego')
  assert.equal(await steps.handleOf(other), 'alice.test')

  await steps.join(steps.visitor(), 'bob')
  const again = await who.click(await begin((await steps.sessionOf(who))?.csrf ?? ''), 'on to Development')
  const refused = await who.submit(again, '/pds/auth/dev/authorize', { name: 'bob' })
  expectPage(refused, 400, /belongs to another account/)
})

test('a link that was begun by a session that is over is not made', async () => {
  const who = steps.visitor()
  await steps.join(who, 'alice')
  const { csrf, account, sessionId } = (await steps.sessionOf(who))!
  const page = await who.go('/pds/auth/dev')
  const forward = await who.submit(
    { ...page, html: form('/pds/auth/dev/link', { csrf }) },
    '/pds/auth/dev/link',
  )
  const authorize = await who.click(forward, 'on to Development')
  const { database, clock, passwords, appPasswords } = house
  const acts = createAccountActs({
    database,
    clock,
    passwords,
    appPasswords,
    providers: [],
    blobQuotaBytes: 0,
  })
  await acts.endSession(account.id, sessionId)
  const done = await who.submit(authorize, '/pds/auth/dev/authorize', { name: 'alter-ego' })
  expectPage(done, 400, /no longer signed in/)
  assert.equal(await house.count('pds_identities'), 1)
})
