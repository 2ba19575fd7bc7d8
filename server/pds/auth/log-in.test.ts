import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Account, setStatus } from '../database/accounts.ts'
import { appPasswordsMax } from './app-passwords.ts'
import { type AuthHouse, openAuthHouse } from './test-house.ts'

let house: AuthHouse
let alice: Account

before(async () => {
  house = await openAuthHouse()
  alice = await house.person('alice')
})
after(() => house.close())

const wrong = {
  code: 'unauthenticated',
  wireName: 'AuthenticationRequired',
  message: 'Invalid identifier or password',
}
const logIn = (identifier: string, password: string, allowTakendown = false) =>
  house.logIn({ identifier, password, allowTakendown })
const access = async (token: string) => house.authenticate({ need: 'session' }, `Bearer ${token}`, 'a.b.c')

test('one signs in by handle, DID or e-mail address, however it is written', async () => {
  for (const identifier of [
    'alice.test',
    'ALICE.test',
    '@alice.test',
    alice.did,
    'Alice@Example.com',
    ' alice.test ',
  ]) {
    const { account, kind } = await logIn(identifier, 'password of alice')
    assert.deepEqual([account.id, kind], [alice.id, 'access'], identifier)
  }
})

test('whatever is wrong, the answer is the same', async () => {
  for (const [identifier, password] of [
    ['alice.test', 'password of bob'],
    ['alice.test', ''],
    ['nobody.test', 'password of alice'],
    ['nobody@example.com', 'x'],
    ['did:plc:nobody', 'x'],
    ['', ''],
    ['\0', '\0'],
    ['alice.test', 'aaaa-aaaa-aaaa-aaaa'],
  ] as const) {
    await assert.rejects(logIn(identifier, password), wrong)
  }
  await assert.rejects(logIn('alice.test', 'x'.repeat(513)), /^Refusal: Password too long/)
})

test('an app password signs in with its own scope, until it is taken back', async () => {
  const plain = await house.appPasswords.create(alice.id, { name: 'phone', privileged: false })
  const chat = await house.appPasswords.create(alice.id, { name: 'chat', privileged: true })
  assert.match(plain.password, /^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/)
  assert.deepEqual(
    [(await logIn('alice.test', plain.password)).kind, (await logIn('alice.test', chat.password)).kind],
    ['appPass', 'appPassPrivileged'],
  )
  const { accessJwt } = await house.database.write(tx =>
    house.sessions.open(tx, {
      account: alice.id,
      did: alice.did,
      kind: 'appPass',
      appPassword: 'phone',
      origin: { device: '', address: '' },
    }),
  )
  await access(accessJwt)
  await house.appPasswords.revoke(alice.id, 'phone')
  await assert.rejects(logIn('alice.test', plain.password), wrong)
  await assert.rejects(access(accessJwt), { wireName: 'ExpiredToken' })
  assert.deepEqual(
    (await house.appPasswords.list(alice.id)).map(one => one.name),
    ['chat'],
  )
})

test('app passwords are not stored, and one account’s is not another’s', async () => {
  const { password } = await house.appPasswords.create(alice.id, { name: 'secret', privileged: false })
  const rows = await house.database.read(tx => tx.all('SELECT * FROM pds_app_passwords'))
  assert.ok(!JSON.stringify(rows).includes(password))
  await house.person('bob')
  await assert.rejects(logIn('bob.test', password), wrong)
})

test('an app password has a name of its own, and there is a bound to how many', async () => {
  const carol = await house.person('carol')
  const create = (name: string) => house.appPasswords.create(carol.id, { name, privileged: false })
  await create('one')
  for (const name of ['one', '', '  ', 'x'.repeat(101)]) {
    await assert.rejects(create(name), { code: 'invalid', wireName: 'InvalidRequest' })
  }
  for (let count = 1; count < appPasswordsMax; count += 1) await create(`app ${count}`)
  await assert.rejects(create('one more'), /at most 100/)
})

test('an account that was taken down signs in only to leave, and not with an app password', async () => {
  const dave = await house.person('dave')
  const { password } = await house.appPasswords.create(dave.id, { name: 'phone', privileged: false })
  await house.database.write(tx => setStatus(tx, dave.id, 'takendown', 0))
  await assert.rejects(logIn('dave.test', 'password of dave'), {
    code: 'unauthenticated',
    wireName: 'AccountTakedown',
  })
  await assert.rejects(logIn('dave.test', password, true), wrong)
  assert.equal((await logIn('dave.test', 'password of dave', true)).kind, 'takendown')
})
