import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../kernel/clock.ts'
import type { Did, DidDocument } from '../../kernel/identity/types.ts'
import { jwtPart } from '../../kernel/jwt.ts'
import { documentOf, newPerson, serverDid, unsafeToken } from '../test-door.ts'
import { type AuthenticateDependencies, createAuthenticate } from './authenticate.ts'

const alice = newPerson()
const webPerson = newPerson('did:web:alice.example.com')

function open(options: Partial<AuthenticateDependencies> = {}, documents: readonly DidDocument[] = []) {
  const known = new Map<Did, DidDocument>(
    [
      documentOf(alice.did, { atproto: alice.key }),
      documentOf(webPerson.did, { atproto: webPerson.key }),
      ...documents,
    ].map(document => [document.id, document]),
  )
  const asked: boolean[] = []
  const authenticate = createAuthenticate({
    clock: systemClock,
    resolver: {
      document: async (did, { force = false } = {}) => {
        asked.push(force)
        return known.get(did)
      },
    },
    serverDid,
    unsafeAuthToken: unsafeToken,
    requireAudience: true,
    requireMethod: false,
    ...options,
  })
  return { authenticate, asked, known }
}
const refused = (promise: Promise<unknown>, message: string | RegExp) =>
  assert.rejects(promise, { code: 'unauthenticated', message })
const nowS = () => Math.floor(systemClock.now() / 1000)

test('a service token says who its issuer is', async () => {
  const { authenticate } = open()
  assert.deepEqual(await authenticate(alice.token()), { did: alice.did, unsafe: false })
  assert.deepEqual(await authenticate(webPerson.token()), { did: webPerson.did, unsafe: false })
})

test('the unsafe token is the server itself, and only exactly', async () => {
  const { authenticate } = open()
  assert.deepEqual(await authenticate(unsafeToken), { did: serverDid, unsafe: true })
  await refused(authenticate(`${unsafeToken} `), 'Invalid format for JWT auth token')
  await refused(open({ unsafeAuthToken: undefined }).authenticate(unsafeToken), /Invalid format/)
})

test('what is no JWT is told so', async () => {
  const { authenticate } = open()
  for (const token of ['', 'a', 'a.b', 'a.b.c', 'a.b.c.d', `${alice.token()}.x`, 'x'.repeat(9000)])
    await refused(authenticate(token), 'Invalid format for JWT auth token')
})

test('claims are refused in upstream’s words', async () => {
  const { authenticate } = open()
  const refuse = (claims: Record<string, unknown>, message: string | RegExp) =>
    refused(authenticate(alice.token(claims)), message)
  const audience = 'Invalid JWT audience while parsing auth token: Expected did:web:localhost but got '
  await refuse({ aud: 'did:web:other.example' }, `${audience}did:web:other.example`)
  await refuse({ aud: undefined }, `${audience}none`)
  await refuse({ lxm: 5 }, 'Invalid type for lxm claim in JWT token: expected string')
  await refuse(
    { lxm: 'com.example.other' },
    'Invalid lxm in JWT: `com.example.other` expected `town.muni.leaf.authenticate`',
  )
  await refuse({ iss: undefined }, 'JWT token issuer is missing')
  await refuse({ iss: 'alice' }, /^Invalid JWT token issuer/)
  await refuse({ exp: nowS() - 1 }, 'JWT token has expired')
  await refuse({ exp: undefined }, 'JWT token has no time of expiry')
  await refuse({ nbf: nowS() + 600 }, 'JWT token is not valid yet')
})

test('a missing audience or method is taken or refused as the operator wants', async () => {
  const loose = open({ requireAudience: false })
  assert.equal((await loose.authenticate(alice.token({ aud: undefined }))).did, alice.did)
  await refused(loose.authenticate(alice.token({ aud: 'did:web:other' })), /audience/)
  assert.equal((await open().authenticate(alice.token({ lxm: undefined }))).did, alice.did)
  await refused(open({ requireMethod: true }).authenticate(alice.token({ lxm: undefined })), /lxm/)
})

test('the #atproto key counts, also when another Multikey comes first', async () => {
  const stranger = newPerson()
  const both = documentOf(alice.did, { other: stranger.key, atproto: alice.key })
  const { authenticate } = open({}, [both])
  assert.equal((await authenticate(alice.token())).did, alice.did)
  await refused(authenticate(stranger.token()), 'Invalid signature for JWT auth token')
})

test('without an #atproto key the first Multikey counts, as upstream has it', async () => {
  const { authenticate } = open({}, [documentOf(alice.did, { leaf_server: alice.key })])
  assert.equal((await authenticate(alice.token())).did, alice.did)
})

test('no document and no key are told apart', async () => {
  const nobody = newPerson('did:plc:cccccccccccccccccccccccc')
  await refused(open().authenticate(nobody.token()), `Could not resolve DID: ${nobody.did}`)
  const { authenticate } = open({}, [{ id: nobody.did }])
  await refused(authenticate(nobody.token()), `Could not find signing key for DID: ${nobody.did}`)
})

test('a key that changed is found, but wrong signatures make nobody ask again and again', async () => {
  const mallory = newPerson()
  const { authenticate, asked } = open()
  for (let attempt = 0; attempt < 5; attempt += 1)
    await refused(authenticate(mallory.token()), 'Invalid signature for JWT auth token')
  assert.deepEqual(asked.filter(force => force).length, 1)
})

test('a token whose algorithm is not that of the key is refused', async () => {
  const { authenticate } = open()
  const [, body] = alice.token().split('.')
  for (const alg of ['ES256', 'none', 'HS256', undefined]) {
    const signed = `${jwtPart({ typ: 'JWT', alg })}.${body}`
    const signature = Buffer.from(alice.key.sign(Buffer.from(signed))).toString('base64url')
    await refused(authenticate(`${signed}.${signature}`), 'Invalid signature for JWT auth token')
  }
})
