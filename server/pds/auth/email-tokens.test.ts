import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { type Account, accountById } from '../database/accounts.ts'
import { createConfirmEmail } from '../xrpc/handlers/server/confirm-email.ts'
import { createDeleteAccount } from '../xrpc/handlers/server/delete-account.ts'
import { createRequestPasswordReset } from '../xrpc/handlers/server/request-password-reset.ts'
import { createResetPassword } from '../xrpc/handlers/server/reset-password.ts'
import { createUpdateEmail } from '../xrpc/handlers/server/update-email.ts'
import { emailTokenMs } from './email-tokens.ts'
import { type AuthHouse, openAuthHouse } from './test-house.ts'

let house: AuthHouse
let alice: Account

beforeEach(async () => {
  house = await openAuthHouse()
  alice = await house.person('alice')
})
afterEach(() => house.close())

const mailed = async () => {
  const [letter] = await house.mailbox.list()
  return (
    /^ {4}([A-Z2-7]{5}-[A-Z2-7]{5})$/m.exec(letter?.body ?? '')?.[1] ?? assert.fail('no letter with a code')
  )
}
const aliceNow = async () =>
  (await house.database.read(tx => accountById(tx, alice.id))) ?? assert.fail('gone')
const invalid = { wireName: 'InvalidToken', message: 'Token is invalid' }

test('a mailed token is good once, for its purpose and its account, however it is typed', async () => {
  await house.emailTokens.issue(alice, 'confirm_email')
  const token = await mailed()
  const bob = await house.person('bob')
  await assert.rejects(house.emailTokens.spend(alice.id, 'plc_operation', token), invalid)
  await assert.rejects(house.emailTokens.spend(bob.id, 'confirm_email', token), invalid)
  await house.emailTokens.spend(alice.id, 'confirm_email', ` ${token.toLowerCase()} `)
  await assert.rejects(house.emailTokens.spend(alice.id, 'confirm_email', token), invalid)
})

test('a token is good for a quarter of an hour', async () => {
  await house.emailTokens.issue(alice, 'confirm_email')
  const token = await mailed()
  house.clock.advance(emailTokenMs)
  await assert.rejects(house.emailTokens.spend(alice.id, 'confirm_email', token), {
    wireName: 'ExpiredToken',
  })
})

test('only the newest token of a purpose is good', async () => {
  await house.emailTokens.issue(alice, 'confirm_email')
  const old = await mailed()
  await house.emailTokens.issue(alice, 'confirm_email')
  await assert.rejects(house.emailTokens.spend(alice.id, 'confirm_email', old), invalid)
  await house.emailTokens.spend(alice.id, 'confirm_email', await mailed())
})

test('after ten wrong ones the right one is wrong too', async () => {
  await house.emailTokens.issue(alice, 'confirm_email')
  const token = await mailed()
  for (let attempt = 0; attempt < 10; attempt += 1) {
    await assert.rejects(house.emailTokens.spend(alice.id, 'confirm_email', 'AAAAA-AAAAA'), invalid)
  }
  await assert.rejects(house.emailTokens.spend(alice.id, 'confirm_email', token), invalid)
})

test('tokens are not stored, and an account without an address gets none', async () => {
  await house.emailTokens.issue(alice, 'confirm_email')
  const token = await mailed()
  const rows = await house.database.read(tx => tx.all('SELECT * FROM pds_email_tokens'))
  assert.ok(!JSON.stringify(rows).includes(token))
  await assert.rejects(house.emailTokens.issue({ ...alice, email: null }, 'confirm_email'), {
    message: 'account does not have an email address',
  })
})

test('the mailbox keeps the newest hundred letters', async () => {
  for (let count = 0; count < 105; count += 1) {
    await house.mailbox.send({ to: 'a@example.com', subject: String(count), text: '' })
  }
  const letters = await house.mailbox.list()
  assert.deepEqual([letters.length, letters[0]?.subject, letters.at(-1)?.subject], [100, '104', '5'])
})

test('an address is confirmed, changed with a token to the old one, and confirmed anew', async () => {
  const { accessJwt: token } = await house.open(alice)
  const { database, clock, emailTokens } = house
  const confirm = createConfirmEmail({ database, clock, emailTokens })
  const update = createUpdateEmail({ database, emailTokens })
  await house.emailTokens.issue(alice, 'confirm_email')
  const wrong = { email: 'other@example.com', token: await mailed() }
  await assert.rejects(house.call(confirm, { token, input: wrong }), { wireName: 'InvalidEmail' })
  await house.call(confirm, { token, input: { email: 'ALICE@example.com', token: await mailed() } })
  assert.equal((await aliceNow()).emailConfirmedAt, clock.now())

  await house.person('bob')
  const change = (email: string, code?: string) =>
    house.call(update, { token, input: code === undefined ? { email } : { email, token: code } })
  await assert.rejects(change('new@example.com'), { wireName: 'TokenRequired' })
  await house.emailTokens.issue(alice, 'update_email')
  await assert.rejects(change('bob@example.com', await mailed()), /already in use/)
  await house.emailTokens.issue(alice, 'update_email')
  await change('New@example.com', await mailed())
  const { email, emailConfirmedAt } = await aliceNow()
  assert.deepEqual([email, emailConfirmedAt], ['new@example.com', null])
})

test('a password is reset by mail, and whoever was signed in is signed out', async () => {
  const { accessJwt } = await house.open(alice)
  const { database, clock, passwords, emailTokens } = house
  const request = createRequestPasswordReset({ database, emailTokens })
  const reset = createResetPassword({ database, clock, passwords, emailTokens })
  await house.call(request, { input: { email: 'nobody@example.com' } })
  assert.equal((await house.mailbox.list()).length, 0)
  await house.call(request, { input: { email: 'Alice@example.com' } })
  await house.call(reset, { input: { token: await mailed(), password: 'another password' } })
  const logIn = (password: string) =>
    house.logIn({ identifier: 'alice.test', password, allowTakendown: false })
  await logIn('another password')
  await assert.rejects(logIn('password of alice'))
  await assert.rejects(house.authenticate({ need: 'session' }, `Bearer ${accessJwt}`, 'a.b.c'))
})

test('an account is deleted by password and token, both', async () => {
  const { database, passwords, emailTokens, status } = house
  const method = createDeleteAccount({ database, passwords, emailTokens, status })
  await house.emailTokens.issue(alice, 'delete_account')
  const token = await mailed()
  const remove = (password: string, code: string) =>
    house.call(method, { input: { did: alice.did, password, token: code } })
  await assert.rejects(remove('wrong', token), {
    code: 'unauthenticated',
    message: 'Invalid did or password',
  })
  await assert.rejects(remove('password of alice', 'AAAAA-AAAAA'), invalid)
  await remove('password of alice', token)
  assert.equal(await house.count('pds_accounts'), 0)
})
