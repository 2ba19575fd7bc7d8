import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createHandles } from './handles.ts'
import { reservedNames } from './reserved.ts'
import { type IdentityHouse, openIdentityHouse } from './test-house.ts'

let house: IdentityHouse

before(async () => {
  house = await openIdentityHouse()
})
after(() => house.close())

const invalid = (message: string) => ({ code: 'invalid', wireName: 'InvalidHandle', message })

test('a handle is lower-cased and must be one by the specification', () => {
  const { handles } = house
  assert.equal(handles.forNewAccount('Alice.TEST'), 'alice.test')
  for (const bad of [
    '',
    'alice',
    'a_b.test',
    'al ice.test',
    '-alice.test',
    'alice..test',
    '.test',
    'alice.test.',
    `${'a'.repeat(64)}.test`,
    `${'a.'.repeat(127)}test`,
    '@alice.test',
    'alïce.test',
    'alice.123',
  ]) {
    assert.throws(() => handles.forNewAccount(bad), { wireName: 'InvalidHandle' }, bad)
  }
  for (const bad of ['alice.local', 'alice.arpa', 'alice.onion', 'alice.example', 'alice.internal']) {
    assert.throws(() => handles.forUpdate(bad), invalid('Handle TLD is invalid or disallowed'))
  }
})

test('under a service domain a name has 3 to 18 characters and no dots', () => {
  const { handles } = house
  assert.throws(() => handles.forNewAccount('al.test'), invalid('Handle too short'))
  assert.equal(handles.forNewAccount('ali.test'), 'ali.test')
  assert.equal(handles.forNewAccount(`${'a'.repeat(18)}.test`), `${'a'.repeat(18)}.test`)
  assert.throws(() => handles.forNewAccount(`${'a'.repeat(19)}.test`), invalid('Handle too long'))
  assert.throws(() => handles.forNewAccount('alice.smith.test'), invalid('Invalid characters in handle'))
  assert.equal(handles.forNewAccount('alice.people.example.com'), 'alice.people.example.com')
})

test('the longest of several service domains counts', () => {
  const nested = createHandles({
    settings: { domains: ['example.com', 'people.example.com'], development: false, reserved: [] },
    database: house.database,
  })
  assert.equal(nested.forNewAccount('alice.people.example.com'), 'alice.people.example.com')
  assert.equal(nested.forNewAccount('alice.example.com'), 'alice.example.com')
  assert.throws(() => nested.forNewAccount('x.alice.example.com'), invalid('Invalid characters in handle'))
})

test('reserved names are not available, ours and the operator’s; the operator may allow one', () => {
  const { handles } = house
  const reserved = { wireName: 'HandleNotAvailable', message: 'Reserved handle' }
  for (const name of ['admin', 'support', 'bluesky', 'postmaster', 'Www', 'cafe', 'xrpc', 'leaf']) {
    assert.throws(() => handles.forNewAccount(`${name}.test`), reserved, name)
  }
  assert.equal(handles.forUpdate('cafe.test', { allowReserved: true }), 'cafe.test')
  assert.equal(handles.forUpdate('admin.example.org'), 'admin.example.org')
  assert.ok(reservedNames.size > 600)
  for (const name of reservedNames) assert.match(name, /^[a-z0-9-]+$/)
})

test('a new account gets no handle of a foreign domain, nor the bare domain', () => {
  const foreign = { wireName: 'UnsupportedDomain', message: 'Not a supported handle domain' }
  assert.throws(() => house.handles.forNewAccount('alice.example.org'), foreign)
  assert.throws(() => house.handles.forNewAccount('people.example.com'), foreign)
  assert.throws(() => house.handles.forNewAccount('evilpeople.example.com'), foreign)
})

test('.test handles exist in development only', () => {
  const production = createHandles({
    settings: { domains: ['test'], development: false, reserved: [] },
    database: house.database,
  })
  assert.throws(() => production.forNewAccount('alice.test'), invalid('Handle TLD is invalid or disallowed'))
})

test('the live check tells in a sentence why a handle cannot be had', async () => {
  await house.join('taken.test')
  const { availability } = house.handles
  assert.deepEqual(await availability(' Fresh.test '), { available: true, handle: 'fresh.test' })
  assert.deepEqual(await availability('taken.test'), {
    available: false,
    message: 'Handle already taken: taken.test',
  })
  assert.deepEqual(await availability('al.test'), {
    available: false,
    message: 'Choose at least 3 characters.',
  })
  assert.deepEqual(await availability('admin.test'), { available: false, message: 'This name is reserved.' })
  assert.equal((await availability('')).available, false)
})

test('a handle on its way to another account is taken', async () => {
  await house.database.write(tx =>
    tx.run(
      `INSERT INTO pds_pending_accounts (did, handle, data, signing_key_sealed, rotation_key_sealed, created_at)
       VALUES ('did:plc:x', 'pending.test', '{}', $1, $1, 0)`,
      [new Uint8Array(1)],
    ),
  )
  assert.equal((await house.handles.availability('pending.test')).available, false)
})
