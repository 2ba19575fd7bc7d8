import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { generateSigningKey } from '../../kernel/keys.ts'
import { systemRandom } from '../../kernel/random.ts'
import type { Account } from '../database/accounts.ts'
import { type IdentityHouse, openIdentityHouse, publicUrl } from './test-house.ts'

let house: IdentityHouse
let alice: Account
const own = generateSigningKey(systemRandom)

beforeEach(async () => {
  house = await openIdentityHouse()
  alice = await house.join('alice.test')
})
afterEach(() => house.close())

const agreed = () => Promise.resolve()

test('an operation is signed with what is asked for and keeps the rest', async () => {
  const operation = await house.plcActs.sign(
    alice.did,
    { rotationKeys: [own.didKey, alice.rotationKey] },
    agreed,
  )
  assert.deepEqual(operation.alsoKnownAs, ['at://alice.test'])
  assert.deepEqual(
    (await house.plc.data(alice.did))?.rotationKeys,
    [alice.rotationKey],
    'signing is not submitting',
  )
  await house.plcActs.submit(alice.did, operation)
  assert.deepEqual((await house.plc.data(alice.did))?.rotationKeys, [own.didKey, alice.rotationKey])
  assert.deepEqual(house.announced, [{ did: alice.did }])
})

test('a submitted operation that never arrived is undone, and nobody hears of it', async () => {
  const operation = await house.plcActs.sign(
    alice.did,
    { rotationKeys: [own.didKey, alice.rotationKey] },
    agreed,
  )
  house.setWeather('down')
  await assert.rejects(house.plcActs.submit(alice.did, operation), { code: 'upstream' })
  house.setWeather('fine')
  house.clock.advance(121_000)
  assert.deepEqual(await house.sweeper.sweep(), { finished: 0, undone: 1 })
  assert.deepEqual(house.announced, [])
})

test('without the owner’s agreement nothing is signed', async () => {
  const no = () => Promise.reject(new Error('no'))
  await assert.rejects(house.plcActs.sign(alice.did, {}, no), { message: 'no' })
})

test('a submitted operation must keep the account here, in the reference’s words', async () => {
  const good = await house.plcActs.sign(alice.did, {}, agreed)
  const pds = { type: 'AtprotoPersonalDataServer', endpoint: publicUrl }
  const cases: [unknown, string][] = [
    [{}, 'Invalid operation'],
    ['x', 'Invalid operation'],
    [{ ...good, type: 'plc_tombstone' }, 'Invalid operation'],
    [{ ...good, rotationKeys: [own.didKey] }, "Rotation keys do not include server's rotation key"],
    [{ ...good, services: {} }, 'Incorrect type on atproto_pds service'],
    [{ ...good, services: { atproto_pds: { ...pds, type: 'X' } } }, 'Incorrect type on atproto_pds service'],
    [
      { ...good, services: { atproto_pds: { ...pds, endpoint: 'https://x' } } },
      'Incorrect endpoint on atproto_pds service',
    ],
    [{ ...good, verificationMethods: { atproto: own.didKey } }, 'Incorrect signing key'],
    [{ ...good, alsoKnownAs: ['at://eve.test', 'at://alice.test'] }, 'Incorrect handle in alsoKnownAs'],
  ]
  for (const [operation, message] of cases) {
    await assert.rejects(house.plcActs.submit(alice.did, operation), { wireName: 'InvalidRequest', message })
  }
  await assert.rejects(house.plcActs.submit(alice.did, { ...good, sig: 'AAAA' }), {
    code: 'invalid',
    message: /Invalid signature/,
  })
  assert.deepEqual([house.announced.length, await house.pending()], [0, 0])
})

test('the person’s own key is set above the server’s, replaced and removed', async () => {
  await house.plcActs.rotateKeys(alice.did, { recoveryKey: own.didKey })
  assert.deepEqual((await house.plc.data(alice.did))?.rotationKeys, [own.didKey, alice.rotationKey])
  assert.equal((await house.account(alice.did)).recoveryKey, own.didKey)
  const next = generateSigningKey(systemRandom)
  await house.plcActs.rotateKeys(alice.did, { recoveryKey: next.didKey })
  assert.deepEqual((await house.plc.data(alice.did))?.rotationKeys, [next.didKey, alice.rotationKey])
  await house.plcActs.rotateKeys(alice.did, { recoveryKey: null })
  assert.deepEqual((await house.plc.data(alice.did))?.rotationKeys, [alice.rotationKey])
  assert.equal((await house.account(alice.did)).recoveryKey, null)
  await assert.rejects(house.plcActs.rotateKeys(alice.did, { recoveryKey: 'did:key:zoo' }), {
    wireName: 'InvalidRequest',
  })
})

test('the server’s key is replaced, and the new one signs from then on', async () => {
  await house.plcActs.rotateKeys(alice.did, { serverKey: true })
  const after = await house.account(alice.did)
  assert.notEqual(after.rotationKey, alice.rotationKey)
  assert.deepEqual((await house.plc.data(alice.did))?.rotationKeys, [after.rotationKey])
  assert.equal(await house.updateHandle(alice.did, 'renamed.test'), 'renamed.test')
})

test('a new server key survives a cut between the directory and us', async () => {
  await house.cutOff(() => house.plcActs.rotateKeys(alice.did, { serverKey: true }))
  house.clock.advance(121_000)
  assert.deepEqual(await house.sweeper.sweep(), { finished: 1, undone: 0 })
  assert.deepEqual((await house.plc.data(alice.did))?.rotationKeys, [
    (await house.account(alice.did)).rotationKey,
  ])
  assert.equal(await house.updateHandle(alice.did, 'renamed.test'), 'renamed.test')
})

test('an account whose DID names this server and its keys is served here', async () => {
  await house.assertServedHere(alice)
  await assert.rejects(house.assertServedHere({ ...alice, signingKey: own.didKey }), {
    message: 'DID document verification method does not match expected signing key',
  })
  await assert.rejects(house.assertServedHere({ ...alice, did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }), {
    message: 'Could not resolve DID',
  })
})
