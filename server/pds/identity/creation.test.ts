import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { generateSigningKey, verifySignature } from '../../kernel/keys.ts'
import { systemRandom } from '../../kernel/random.ts'
import { Corruption } from '../../kernel/errors.ts'
import { type IdentityHouse, openIdentityHouse, publicUrl } from './test-house.ts'

let house: IdentityHouse
const operator = generateSigningKey(systemRandom)
const own = generateSigningKey(systemRandom)

before(async () => {
  house = await openIdentityHouse({ operatorKey: operator.didKey })
})
after(() => house.close())

test('a new DID names the person’s key, the operator’s and the server’s, in falling priority', async () => {
  const prepared = house.creation.prepareIdentity({ handle: 'alice.test', recoveryKey: own.didKey })
  assert.equal(await house.creation.isPublished(prepared.did), false)
  await house.creation.publishIdentity(prepared.did, prepared.operation)
  assert.equal(await house.creation.isPublished(prepared.did), true)
  assert.deepEqual(await house.plc.data(prepared.did), {
    did: prepared.did,
    rotationKeys: [own.didKey, operator.didKey, prepared.rotationKey],
    verificationMethods: { atproto: prepared.signingKey },
    alsoKnownAs: ['at://alice.test'],
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: publicUrl } },
  })
})

test('no key is shared between accounts, and none is listed twice', () => {
  const first = house.creation.prepareIdentity({ handle: 'one.test', recoveryKey: operator.didKey })
  const second = house.creation.prepareIdentity({ handle: 'one.test' })
  assert.deepEqual(first.operation.rotationKeys, [operator.didKey, first.rotationKey])
  const keys = [
    first.signingKey,
    first.rotationKey,
    second.signingKey,
    second.rotationKey,
    first.did,
    second.did,
  ]
  assert.equal(new Set(keys).size, keys.length)
})

test('a recovery key that is no did:key is refused before anything happens', () => {
  assert.throws(() => house.creation.prepareIdentity({ handle: 'x.test', recoveryKey: 'did:key:zoo' }), {
    wireName: 'InvalidRequest',
  })
})

test('publishing twice is publishing once, also when the first answer was lost', async () => {
  const { did, operation } = house.creation.prepareIdentity({ handle: 'twice.test' })
  house.setWeather('answers lost')
  await assert.rejects(house.creation.publishIdentity(did, operation), { code: 'upstream-timeout' })
  house.setWeather('fine')
  await house.creation.publishIdentity(did, operation)
  await house.creation.publishIdentity(did, operation)
  assert.equal((await house.plc.data(did))?.did, did)
})

test('an operation that the directory refuses is refused with its words', async () => {
  const { did } = house.creation.prepareIdentity({ handle: 'a.test' })
  const other = house.creation.prepareIdentity({ handle: 'b.test' })
  await assert.rejects(house.creation.publishIdentity(did, other.operation), {
    code: 'invalid',
    message: /Hash of genesis operation does not match DID identifier/,
  })
})

test('the stored signing key signs as the DID’s key, from memory and from its sealed form', async () => {
  const account = await house.join('signer.test')
  const bytes = new TextEncoder().encode('commit')
  for (let round = 0; round < 2; round += 1) {
    const signer = await house.database.read(tx => house.keys.signerFor(tx, account))
    assert.equal(verifySignature(account.signingKey, bytes, signer.sign(bytes)), true)
  }
  house.keys.forget(account.id)
  const again = await house.database.read(tx => house.keys.signerFor(tx, account))
  assert.equal(again.didKey, account.signingKey)
  const rotation = await house.database.read(tx => house.keys.rotationKeyFor(tx, account))
  assert.equal(rotation.didKey, account.rotationKey)
})

test('a signing key that was changed on another node is not taken from memory', async () => {
  const account = await house.join('changed.test')
  await house.database.read(tx => house.keys.signerFor(tx, account))
  const { signingKey, signingKeySealed } = house.keys.seal(account.did, house.keys.create())
  await house.database.write(tx =>
    tx.run('UPDATE pds_accounts SET signing_key = $2, signing_key_sealed = $3 WHERE id = $1', [
      account.id,
      signingKey,
      signingKeySealed,
    ]),
  )
  const changed = await house.account(account.did)
  const signer = await house.database.read(tx => house.keys.signerFor(tx, changed))
  assert.equal(signer.didKey, signingKey)
})

test('a key that was moved to another account’s row does not open', async () => {
  const one = await house.join('row-one.test')
  const two = await house.join('row-two.test')
  await house.database.write(tx =>
    tx.run(
      `UPDATE pds_accounts SET signing_key_sealed = (SELECT signing_key_sealed FROM pds_accounts WHERE id = $1) WHERE id = $2`,
      [one.id, two.id],
    ),
  )
  await assert.rejects(
    house.database.read(tx => house.keys.signerFor(tx, two)),
    Corruption,
  )
})

test('a DID that moves in must exist, and be of a method that we know', async () => {
  const account = await house.join('mover.test')
  await house.creation.validateExistingDid(account.did)
  await assert.rejects(house.creation.validateExistingDid('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'), {
    wireName: 'UnresolvableDid',
  })
  await assert.rejects(house.creation.validateExistingDid('did:key:z6Mk'), { wireName: 'InvalidRequest' })
  const keys = house.creation.prepareKeys(account.did)
  assert.equal(house.keys.openSigner(account.did, keys.signingKeySealed).didKey, keys.signingKey)
})
