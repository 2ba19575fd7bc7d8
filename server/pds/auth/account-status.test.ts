import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { type Account, accountByDid, setStatus } from '../database/accounts.ts'
import { repoState } from '../database/repo-state.ts'
import { createCheckAccountStatus } from '../xrpc/handlers/server/check-account-status.ts'
import { type AuthHouse, openAuthHouse } from './test-house.ts'

let house: AuthHouse
let alice: Account

beforeEach(async () => {
  house = await openAuthHouse()
  alice = await house.person('alice')
})
afterEach(() => house.close())

const status = async () => (await house.database.read(tx => accountByDid(tx, alice.did)))?.status
const created = ['identity', 'account', 'commit', 'sync']

test('an account rests and comes back, and the network is told in the right order', async () => {
  await house.status.deactivate(alice.id, null)
  assert.equal(await status(), 'deactivated')
  assert.deepEqual(await house.events(alice.did), [...created, 'account'])
  const before = await house.database.read(tx => repoState(tx, alice.id))
  await house.status.activate(alice.id)
  assert.equal(await status(), 'active')
  const events = await house.events(alice.did)
  assert.deepEqual(events.slice(5, 7), ['account', 'identity'])
  assert.ok(events.length > 7, 'a fresh commit is told')
  const now = await house.database.read(tx => repoState(tx, alice.id))
  assert.ok(now!.headRev > before!.headRev, 'the commit is a new one, signed with the key of today')
})

test('doing it twice is doing it once', async () => {
  await house.status.activate(alice.id)
  assert.deepEqual(await house.events(alice.did), created)
  await house.status.deactivate(alice.id, null)
  await house.status.deactivate(alice.id, 1)
  assert.deepEqual(await house.events(alice.did), [...created, 'account'])
})

test('an account whose DID names another server is not activated', async () => {
  await house.status.deactivate(alice.id, null)
  const operation = await house.plcActs.sign(
    alice.did,
    {
      services: {
        atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://elsewhere.example.com' },
      },
    },
    async () => undefined,
  )
  await house.plc.submit(alice.did, operation)
  await assert.rejects(house.status.activate(alice.id), {
    wireName: 'InvalidRequest',
    message: 'DID document atproto_pds service endpoint does not match PDS public url',
  })
  assert.equal(await status(), 'deactivated')
})

test('a takedown is lifted neither by resting nor by coming back', async () => {
  await house.database.write(tx => setStatus(tx, alice.id, 'takendown', 0))
  await house.status.deactivate(alice.id, null)
  assert.equal(await status(), 'takendown')
  await assert.rejects(house.status.activate(alice.id), { wireName: 'AccountTakedown' })
})

test('a deleted account leaves nothing but its last word, and its DID stays in the directory', async () => {
  const { accessJwt } = await house.open(alice)
  await house.appPasswords.create(alice.id, { name: 'phone', privileged: false })
  await house.emailTokens.issue(alice, 'confirm_email')
  await house.status.remove(alice.id)
  for (const table of [
    'pds_accounts',
    'pds_sessions',
    'pds_app_passwords',
    'pds_email_tokens',
    'pds_blocks',
    'pds_repo_state',
  ]) {
    assert.equal(await house.count(table), 0, table)
  }
  assert.deepEqual(await house.events(alice.did), ['account'])
  assert.equal((await house.plc.data(alice.did))?.did, alice.did)
  await assert.rejects(house.authenticate({ need: 'session' }, `Bearer ${accessJwt}`, 'a.b.c'), {
    wireName: 'ExpiredToken',
  })
})

test('the status tells how far an account has got', async () => {
  const { accessJwt } = await house.open(alice)
  const method = createCheckAccountStatus({
    database: house.database,
    assertServedHere: house.assertServedHere,
  })
  const answer = await house.call(method, { token: accessJwt })
  const state = await house.database.read(tx => repoState(tx, alice.id))
  assert.match(String(answer['repoCommit']), /^bafyrei[a-z2-7]{52}$/)
  assert.deepEqual(
    { ...answer, repoCommit: undefined },
    {
      activated: true,
      validDid: true,
      repoCommit: undefined,
      repoRev: state?.headRev,
      repoBlocks: 2,
      indexedRecords: 0,
      privateStateValues: 0,
      expectedBlobs: 0,
      importedBlobs: 0,
    },
  )
})
