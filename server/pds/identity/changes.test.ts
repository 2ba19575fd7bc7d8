import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { signPlcOperation } from '../../kernel/identity/plc-operation.ts'
import { generateSigningKey } from '../../kernel/keys.ts'
import { systemRandom } from '../../kernel/random.ts'
import { type Account, insertAccount } from '../database/accounts.ts'
import { nextOperation, withHandle } from './plc.ts'
import { type IdentityHouse, openIdentityHouse, publicUrl } from './test-house.ts'

let house: IdentityHouse
let alice: Account
const own = generateSigningKey(systemRandom)

beforeEach(async () => {
  house = await openIdentityHouse()
  alice = await house.join('alice.test')
})
afterEach(() => house.close())

const handleNow = async () => (await house.account(alice.did)).handle
const names = async () => (await house.plc.data(alice.did))?.alsoKnownAs

test('a handle changes in the directory and here, and the network is told', async () => {
  await house.resolver.document(alice.did)
  assert.equal(await house.updateHandle(alice.did, 'Alice2.test'), 'alice2.test')
  assert.equal(await handleNow(), 'alice2.test')
  assert.deepEqual(await names(), ['at://alice2.test'])
  assert.deepEqual(house.announced, [{ did: alice.did, handle: 'alice2.test' }])
  assert.deepEqual((await house.resolver.document(alice.did))?.alsoKnownAs, ['at://alice2.test'])
  assert.equal(await house.pending(), 0)
})

test('the same handle again only tells the network', async () => {
  const before = await house.plc.last(alice.did)
  await house.updateHandle(alice.did, 'alice.test')
  assert.equal((await house.plc.last(alice.did))?.cid, before?.cid)
  assert.deepEqual(house.announced, [{ did: alice.did, handle: 'alice.test' }])
})

test('a handle of somebody else is refused, and nothing changes', async () => {
  await house.join('bob.test')
  await assert.rejects(house.updateHandle(alice.did, 'bob.test'), {
    wireName: 'HandleNotAvailable',
    message: 'Handle already taken: bob.test',
  })
  assert.deepEqual(
    [await handleNow(), await names(), house.announced.length, await house.pending()],
    ['alice.test', ['at://alice.test'], 0, 0],
  )
})

test('a foreign handle must resolve to the DID', async () => {
  const refused = { wireName: 'InvalidRequest', message: 'External handle did not resolve to DID' }
  await assert.rejects(house.updateHandle(alice.did, 'alice.example.org'), refused)
  house.outside.set('alice.example.org', 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')
  await assert.rejects(house.updateHandle(alice.did, 'alice.example.org'), refused)
  house.outside.set('alice.example.org', alice.did)
  assert.equal(await house.updateHandle(alice.did, 'alice.example.org'), 'alice.example.org')
  assert.deepEqual(await names(), ['at://alice.example.org'])
})

test('two who want one handle at the same time: one gets it', async () => {
  const bob = await house.join('bob.test')
  const results = await Promise.allSettled([
    house.updateHandle(alice.did, 'wanted.test'),
    house.updateHandle(bob.did, 'wanted.test'),
  ])
  assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  const holders = [await handleNow(), (await house.account(bob.did)).handle].filter(
    one => one === 'wanted.test',
  )
  assert.equal(holders.length, 1)
})

test('when the directory is down nothing changes, and the sweeper undoes what was begun', async () => {
  house.setWeather('down')
  await assert.rejects(house.updateHandle(alice.did, 'later.test'), { code: 'upstream' })
  assert.equal(await handleNow(), 'alice.test')
  assert.equal((await house.handles.availability('later.test')).available, false)
  house.clock.advance(180_000)
  assert.deepEqual(await house.sweeper.sweep(), { finished: 0, undone: 0 })
  assert.equal(await house.pending(), 1)
  house.setWeather('fine')
  assert.deepEqual(await house.sweeper.sweep(), { finished: 0, undone: 1 })
  assert.deepEqual([await handleNow(), await house.pending(), house.announced.length], ['alice.test', 0, 0])
  assert.equal((await house.handles.availability('later.test')).available, true)
})

test('a change that the directory took but we did not is finished by the sweeper', async () => {
  await house.cutOff(() => house.updateHandle(alice.did, 'later.test'))
  assert.deepEqual([await handleNow(), await names()], ['alice.test', ['at://later.test']])
  house.clock.advance(119_000)
  assert.deepEqual(await house.sweeper.sweep(), { finished: 0, undone: 0 }, 'too young: it may be under way')
  house.clock.advance(2_000)
  assert.deepEqual(await house.sweeper.sweep(), { finished: 1, undone: 0 })
  assert.equal(await handleNow(), 'later.test')
  assert.deepEqual(house.announced, [{ did: alice.did, handle: 'later.test' }])
  assert.deepEqual(await house.sweeper.sweep(), { finished: 0, undone: 0 })
})

test('while one change is under way a second one is refused', async () => {
  house.setWeather('down')
  await assert.rejects(house.updateHandle(alice.did, 'one.test'))
  house.setWeather('fine')
  await assert.rejects(house.updateHandle(alice.did, 'two.test'), {
    message: /another change of this identity is under way/,
  })
})

test('an account that the sweeper does not find any more leaves nothing behind', async () => {
  house.setWeather('down')
  await assert.rejects(house.updateHandle(alice.did, 'one.test'))
  house.setWeather('fine')
  await house.database.write(tx => tx.run('DELETE FROM pds_accounts WHERE id = $1', [alice.id]))
  house.clock.advance(121_000)
  assert.deepEqual(await house.sweeper.sweep(), { finished: 0, undone: 1 })
})

test('the sweeper sweeps as soon as it is started, and not after it was stopped', async () => {
  await house.cutOff(() => house.updateHandle(alice.did, 'later.test'))
  house.sweeper.start()
  await house.sweeper.stop()
  assert.equal(await handleNow(), 'alice.test')
  house.clock.advance(121_000)
  await house.sweeper.stop()
  assert.equal(await handleNow(), 'alice.test')
  house.sweeper.start()
  await house.sweeper.stop()
  assert.equal(await handleNow(), 'later.test')
})

test('a DID whose rotation keys were taken from us cannot be renamed by us', async () => {
  const signer = await house.database.read(tx => house.keys.rotationKeyFor(tx, alice))
  const last = await house.plc.last(alice.did)
  await house.plc.submit(
    alice.did,
    signPlcOperation(nextOperation(last, { rotationKeys: [own.didKey] }), signer),
  )
  await assert.rejects(house.updateHandle(alice.did, 'renamed.test'), {
    message: "Rotation keys do not include server's rotation key",
  })
  assert.equal(await house.pending(), 0)
  await assert.rejects(house.assertServedHere(alice), {
    message: 'Server rotation key not included in PLC DID data',
  })
})

test('the handle of a did:web changes when its own document says so, and its operations are not ours', async () => {
  const did = house.webDid
  const keys = house.creation.prepareKeys(did)
  const mail = {
    email: null,
    emailConfirmedAt: null,
    passwordHash: null,
    recoveryKey: null,
    inviteCode: null,
  }
  const row = { did, handle: 'webby.test', status: 'active' as const, createdAt: 0, ...keys, ...mail }
  await house.database.write(tx => insertAccount(tx, row))
  const account = await house.account(did)
  const describe = (handle: string) =>
    house.outside.set(
      '.well-known/did.json',
      JSON.stringify({
        id: did,
        alsoKnownAs: [`at://${handle}`],
        verificationMethod: [
          { id: '#atproto', type: 'Multikey', controller: did, publicKeyMultibase: keys.signingKey.slice(8) },
        ],
        service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: publicUrl }],
      }),
    )
  describe('webby.test')
  await assert.rejects(house.updateHandle(did, 'webster.test'), {
    wireName: 'InvalidRequest',
    message: 'DID is not properly configured for handle',
  })
  assert.equal(await house.pending(), 0)
  describe('webster.test')
  assert.equal(await house.updateHandle(did, 'webster.test'), 'webster.test')
  assert.equal((await house.account(did)).handle, 'webster.test')
  await house.assertServedHere(account)
  await assert.rejects(
    house.plcActs.sign(did, {}, () => Promise.resolve()),
    { wireName: 'InvalidRequest' },
  )
})

test('a handle takes the place of the first at:// name, other names stay', () => {
  assert.deepEqual(withHandle(['https://x', 'at://a.test', 'at://b.test'], 'c.test'), [
    'https://x',
    'at://c.test',
    'at://b.test',
  ])
  assert.deepEqual(withHandle(['https://x'], 'c.test'), ['at://c.test', 'https://x'])
})
