import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import { after, before, beforeEach, test } from 'node:test'
import { createManualClock, type ManualClock } from '../clock.ts'
import { createOperatorFetch, createSafeFetch } from '../fetch.ts'
import { generateSigningKey } from '../keys.ts'
import { systemRandom } from '../random.ts'
import { didWebUrl, isDid } from './did.ts'
import { atprotoKeyOf, claimedHandleOf, decodeDidDocument, pdsEndpointOf } from './document.ts'
import { createIdentityResolver } from './resolver.ts'
import type { Did, Handle, IdentityResolver } from './types.ts'

/** Stands for the PLC directory, a did:web host and the hosts of handles. */
let answer: (path: string, response: ServerResponse) => void
let calls: string[]
const server = createServer((request, response) => {
  calls.push(request.url ?? '')
  answer(request.url ?? '', response)
})
let base: string
let port: number
let clock: ManualClock
let resolver: IdentityResolver
let txt: (name: string) => Promise<string[][]>

before(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
  base = `http://127.0.0.1:${port}`
})

beforeEach(() => {
  calls = []
  clock = createManualClock()
  txt = () => Promise.reject(new Error('ENOTFOUND'))
  resolver = createIdentityResolver({
    fetch: createSafeFetch({ allowLoopback: true }),
    operatorFetch: createOperatorFetch(),
    plcUrl: () => base,
    clock,
    allowLocalhost: true,
    resolveTxt: name => txt(name),
    wellKnownUrl: handle => `${base}/of/${handle}`,
  })
})

after(async () => {
  const closed = new Promise(resolve => server.close(resolve))
  server.closeAllConnections()
  await closed
})

const alice: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const bob: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
const handle = (text: string) => text as Handle
const key = generateSigningKey(systemRandom)

const documentOf = (did: string, name = 'alice.test') => ({
  '@context': ['https://www.w3.org/ns/did/v1'],
  id: did,
  alsoKnownAs: [`at://${name}`],
  verificationMethod: [
    {
      id: `${did}#atproto`,
      type: 'Multikey',
      controller: did,
      publicKeyMultibase: key.didKey.slice('did:key:'.length),
    },
  ],
  service: [
    { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: 'https://pds.example.com' },
  ],
})

const json = (value: unknown) => (_path: string, response: ServerResponse) =>
  void response.end(JSON.stringify(value))
const status = (code: number) => (_path: string, response: ServerResponse) =>
  void response.writeHead(code).end()

test('a document is fetched once, then given from the cache for an hour', async () => {
  answer = json(documentOf(alice))
  assert.equal((await resolver.document(alice))?.id, alice)
  clock.advance(3_599_000)
  assert.equal((await resolver.document(alice))?.id, alice)
  assert.deepEqual(calls, [`/${alice}`])
})

test('after an hour the old document is given while a new one is fetched; after a day it is waited for', async () => {
  answer = json(documentOf(alice, 'old.test'))
  await resolver.document(alice)
  answer = json(documentOf(alice, 'new.test'))
  clock.advance(3_600_000)
  assert.deepEqual((await resolver.document(alice))?.alsoKnownAs, ['at://old.test'])
  // The refresh under way is joined, so that this waits for it.
  assert.deepEqual((await resolver.document(alice, { force: true }))?.alsoKnownAs, ['at://new.test'])
  assert.equal(calls.length, 2)
  answer = json(documentOf(alice, 'newest.test'))
  clock.advance(24 * 3_600_000)
  assert.deepEqual((await resolver.document(alice))?.alsoKnownAs, ['at://newest.test'])
})

test('while the directory is away, what is known is given for a day', async () => {
  answer = json(documentOf(alice))
  await resolver.document(alice)
  answer = status(500)
  clock.advance(23 * 3_600_000)
  assert.equal((await resolver.document(alice))?.id, alice)
  clock.advance(3_600_000)
  await assert.rejects(resolver.document(alice), { code: 'upstream' })
})

test('callers at the same time share one fetch', async () => {
  answer = json(documentOf(alice))
  const all = await Promise.all(Array.from({ length: 20 }, () => resolver.document(alice)))
  assert.equal(
    all.every(document => document?.id === alice),
    true,
  )
  assert.equal(calls.length, 1)
})

test('so many fetches run at once and no more', async () => {
  const { promise: full, resolve: fill } = Promise.withResolvers<void>()
  let stuck = 0
  const lazy = createIdentityResolver({
    fetch: createSafeFetch({ allowLoopback: true }),
    operatorFetch: () => {
      stuck += 1
      if (stuck === 500) fill()
      return new Promise(() => undefined)
    },
    plcUrl: () => base,
    clock,
    allowLocalhost: true,
  })
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  const didOf = (at: number): Did =>
    `did:plc:${'a'.repeat(22)}${letters[Math.floor(at / 26)]}${letters[at % 26]}`
  for (let at = 0; at < 500; at += 1) void lazy.document(didOf(at))
  await full
  await assert.rejects(lazy.document(didOf(501)), { code: 'unavailable' })
})

test('that there is no document is remembered for half a minute', async () => {
  answer = status(404)
  assert.equal(await resolver.document(alice), undefined)
  assert.equal(await resolver.document(alice), undefined)
  assert.equal(calls.length, 1)
  clock.advance(30_000)
  answer = json(documentOf(alice))
  assert.equal((await resolver.document(alice))?.id, alice)
})

test('a failure is not remembered', async () => {
  answer = status(503)
  await assert.rejects(resolver.document(alice), { code: 'upstream' })
  answer = json(documentOf(alice))
  assert.equal((await resolver.document(alice))?.id, alice)
})

test('what was forgotten is fetched anew, and a fetch begun before is not kept', async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<ServerResponse>()
  answer = (_path, response) => ask(response)
  const early = resolver.document(alice)
  const slow = await asked
  resolver.forget(alice)
  answer = json(documentOf(alice, 'new.test'))
  assert.deepEqual((await resolver.document(alice))?.alsoKnownAs, ['at://new.test'])
  slow.end(JSON.stringify(documentOf(alice, 'old.test')))
  assert.deepEqual((await early)?.alsoKnownAs, ['at://old.test'])
  assert.deepEqual((await resolver.document(alice))?.alsoKnownAs, ['at://new.test'])
})

test('a document of another DID, or of a wrong shape, is refused', async () => {
  const good = documentOf(alice)
  const bad: unknown[] = [
    documentOf(bob),
    null,
    [],
    'text',
    { ...good, alsoKnownAs: 'at://alice.test' },
    { ...good, verificationMethod: [{ id: '#atproto' }] },
    {
      ...good,
      verificationMethod: [{ id: '#a', type: 'Multikey', controller: alice, publicKeyMultibase: 1 }],
    },
    { ...good, service: {} },
    { ...good, service: ['x'] },
  ]
  for (const value of bad) {
    answer = json(value)
    await assert.rejects(resolver.document(alice), { code: 'upstream' }, JSON.stringify(value))
  }
  answer = (_path, response) => void response.end('<html>')
  await assert.rejects(resolver.document(alice), { code: 'upstream' })
  answer = json({ ...good, padding: 'x'.repeat(70_000) })
  await assert.rejects(resolver.document(alice), { code: 'upstream' })
})

test('a did:web of localhost is read over http in development; other spellings are no DIDs', async () => {
  const web: Did = `did:web:localhost%3A${port}`
  answer = json(documentOf(web))
  assert.equal((await resolver.document(web))?.id, web)
  assert.deepEqual(calls, ['/.well-known/did.json'])
  assert.equal(didWebUrl('did:web:example.com'), 'https://example.com/.well-known/did.json')
  for (const text of [
    'did:web:example.com:path',
    'did:web:example.com%3A8080',
    'did:web:127.0.0.1',
    'did:web:',
    'did:web:-a.com',
    'did:web:a..com',
    'did:web:Example.com',
    'did:web:com',
    'did:web:example.com%2Fx',
    'did:plc:short',
    'did:plc:AAAAAAAAAAAAAAAAAAAAAAAA',
    'did:key:z',
    '',
    'did:plc:aaaaaaaaaaaaaaaaaaaaaaa1',
  ]) {
    assert.equal(isDid(text), false, text)
  }
})

test('the document’s key, endpoint and handle are read as ATProto does', () => {
  const document = decodeDidDocument(alice, documentOf(alice))
  assert.ok(document)
  assert.equal(atprotoKeyOf(document), key.didKey)
  assert.equal(pdsEndpointOf(document), 'https://pds.example.com')
  assert.equal(claimedHandleOf(document), 'alice.test')
  assert.equal(
    claimedHandleOf({ alsoKnownAs: ['https://x', 'at://UPPER.test', 'at://second.test'] }),
    'upper.test',
  )
  assert.equal(claimedHandleOf({ alsoKnownAs: ['at://not a handle'] }), undefined)
  const odd = decodeDidDocument(alice, {
    id: alice,
    service: [
      { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: { uri: 'https://x' } },
      { id: '#other', type: 'X', serviceEndpoint: 'ftp://x' },
    ],
  })
  assert.ok(odd)
  assert.equal(pdsEndpointOf(odd), undefined)
  assert.equal(atprotoKeyOf(odd), undefined)
})

test('a handle resolves by its TXT record, or else by its well-known document', async () => {
  answer = (path, response) => void response.end(path === '/of/web.example.com' ? `${alice}\n` : '')
  txt = name =>
    name === '_atproto.dns.example.com'
      ? Promise.resolve([['v=spf1'], ['did=', bob]])
      : Promise.reject(new Error('ENOTFOUND'))
  assert.equal(await resolver.handle(handle('web.example.com')), alice)
  assert.equal(await resolver.handle(handle('dns.example.com')), bob)
  assert.equal(await resolver.handle(handle('none.example.com')), undefined)
})

test('where both say something the TXT record holds; where it says two things the web does', async () => {
  answer = (_path, response) => void response.end(alice)
  txt = () => Promise.resolve([[`did=${bob}`], [`did=${bob}`]])
  assert.equal(await resolver.handle(handle('both.example.com')), bob)
  txt = () => Promise.resolve([[`did=${bob}`], ['did=did:plc:cccccccccccccccccccccccc']])
  assert.equal(await resolver.handle(handle('two.example.com')), alice)
  txt = () => Promise.resolve([['did=nonsense']])
  assert.equal(await resolver.handle(handle('bad.example.com')), alice)
})

test('a well-known document that is a page, an error or no DID names nobody', async () => {
  for (const reply of [
    status(404),
    status(500),
    json('hi'),
    (_path: string, response: ServerResponse) => void response.end(`<html>${'x'.repeat(9000)}`),
  ]) {
    answer = reply
    assert.equal(await resolver.handle(handle('page.example.com')), undefined)
  }
  answer = (_path, response) => void response.writeHead(301, { location: 'http://10.0.0.1/' }).end()
  assert.equal(await resolver.handle(handle('inside.example.com')), undefined)
})
