import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { IdResolver } from '@atproto/identity'
import type { RequestContext } from '../../kernel/http/route.ts'
import { setStatus, type Account } from '../database/accounts.ts'
import { type IdentityHouse, openIdentityHouse, publicUrl } from './test-house.ts'
import { createDidDocumentRoute } from '../../kernel/identity/own-did.ts'
import { createWellKnownRoutes } from './well-known.ts'

let house: IdentityHouse
let alice: Account
let gone: Account

before(async () => {
  house = await openIdentityHouse()
  alice = await house.join('alice.test')
  gone = await house.join('gone.test', { status: 'deactivated' })
  house.outside.set('bob.example.org', 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb')
  house.outside.set('never.people.example.com', 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb')
})
after(() => house.close())

test('a handle of ours resolves by the database, a foreign one outside', async () => {
  const { resolveHandle } = house.resolution
  assert.equal(await resolveHandle('ALICE.test'), alice.did)
  assert.equal(await resolveHandle('bob.example.org'), 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb')
  await assert.rejects(resolveHandle('nobody.example.org'), {
    wireName: 'InvalidRequest',
    message: 'Unable to resolve handle',
  })
  await assert.rejects(resolveHandle('not a handle'), { wireName: 'InvalidHandle' })
  house.outside.set('printer.local', alice.did)
  await assert.rejects(resolveHandle('printer.local'), { wireName: 'InvalidRequest' })
})

test('what is ours to know and unknown is not found, whatever the outside says', async () => {
  const { resolveHandle } = house.resolution
  const refused = { wireName: 'HandleNotFound', message: 'Unable to resolve handle' }
  await assert.rejects(resolveHandle('nobody.test'), refused)
  await assert.rejects(resolveHandle('never.people.example.com'), refused)
  await assert.rejects(resolveHandle('people.example.com'), refused)
})

test('accounts that are not active do not resolve', async () => {
  await assert.rejects(house.resolution.resolveHandle('gone.test'), { wireName: 'HandleNotFound' })
  await house.database.write(tx => setStatus(tx, gone.id, 'active', null))
  assert.equal(await house.resolution.resolveHandle('gone.test'), gone.did)
  await house.database.write(tx => setStatus(tx, gone.id, 'takendown', 1))
  await assert.rejects(house.resolution.resolveHandle('gone.test'), { wireName: 'HandleNotFound' })
})

test('a DID resolves to its whole document, an unknown one is not found', async () => {
  const document = await house.resolution.resolveDid(alice.did)
  const theirs = await new IdResolver({ plcUrl: house.plcUrl, fetch: globalThis.fetch }).did.resolve(
    alice.did,
  )
  assert.deepEqual(document, theirs)
  for (const did of ['did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', 'did:example:x', 'did:plc:short']) {
    await assert.rejects(house.resolution.resolveDid(did), { wireName: 'DidNotFound', code: 'invalid' })
  }
})

test('an identity has a handle only when handle and document name each other', async () => {
  const { resolveIdentity } = house.resolution
  const expected = {
    did: alice.did,
    handle: 'alice.test',
    didDoc: await house.resolution.resolveDid(alice.did),
  }
  assert.deepEqual(await resolveIdentity('alice.test'), expected)
  assert.deepEqual(await resolveIdentity(alice.did, { force: true }), expected)
  assert.equal((await resolveIdentity(gone.did)).handle, 'handle.invalid')
  house.outside.set('alias.example.org', alice.did)
  assert.equal((await resolveIdentity('alias.example.org')).handle, 'alice.test')
})

test('the well-known documents are chosen by the Host that is asked', async () => {
  const routes = [
    ...createWellKnownRoutes({
      handles: house.handles,
      resolution: house.resolution,
      hostname: 'people.example.com',
    }),
    createDidDocumentRoute({
      name: { did: 'did:web:people.example.com', hostname: 'people.example.com' },
      services: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: publicUrl }],
      isPersonsHost: house.handles.isOurs,
    }),
  ]
  const server = createServer((request, response) => {
    const route = routes.find(({ path }) => path === request.url)
    const host = String(request.headers['x-host'])
    void route?.handle(request, response, { host } as unknown as RequestContext)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const base = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  const ask = async (path: string, host: string) => {
    const response = await fetch(`${base}/.well-known/${path}`, { headers: { 'x-host': host } })
    return [response.status, response.headers.get('content-type'), await response.text()]
  }
  try {
    const text = 'text/plain; charset=utf-8'
    assert.deepEqual(await ask('atproto-did', 'Alice.test:3334'), [200, text, alice.did])
    assert.deepEqual(await ask('atproto-did', 'nobody.test'), [404, text, 'User not found'])
    assert.deepEqual(await ask('atproto-did', 'gone.test'), [404, text, 'User not found'])
    assert.deepEqual(await ask('atproto-did', 'bob.example.org'), [404, text, 'User not found'])
    const [status, type, body] = await ask('did.json', 'people.example.com')
    assert.deepEqual([status, type], [200, 'application/did+json'])
    assert.deepEqual(JSON.parse(String(body)), {
      '@context': ['https://www.w3.org/ns/did/v1'],
      id: 'did:web:people.example.com',
      service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: publicUrl }],
    })
    assert.equal((await ask('did.json', 'alice.test'))[0], 404)
  } finally {
    const closed = new Promise(resolve => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
})
