import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { atprotoKeyOf } from '../../kernel/identity/document.ts'
import { parseJwt } from '../../kernel/jwt.ts'
import { verifySignature } from '../../kernel/keys.ts'
import type { Account } from '../database/accounts.ts'
import { createGetServiceAuth } from '../xrpc/handlers/server/get-service-auth.ts'
import { isAtprotoAudience } from './audience.ts'
import { type AuthHouse, openAuthHouse } from './test-house.ts'

let house: AuthHouse
let alice: Account

before(async () => {
  house = await openAuthHouse()
  alice = await house.person('alice')
})
after(() => house.close())

const aud = 'did:web:api.example.com'
const ask = async (
  params: { aud: string; exp?: number; lxm?: string },
  kind: 'access' | 'appPass' | 'takendown' = 'access',
) => {
  const { database, clock, random, keys } = house
  const method = createGetServiceAuth({ database, clock, random, signerFor: keys.signerFor })
  const { accessJwt } = await house.open(alice, kind)
  const { token } = await house.call(method, { params, token: accessJwt })
  return parseJwt(String(token)) ?? assert.fail('no jwt')
}
const nowS = () => Math.floor(house.clock.now() / 1000)

test('a service token is signed by the key in the DID’s document', async () => {
  const jwt = await ask({ aud, lxm: 'app.bsky.feed.getTimeline' })
  assert.deepEqual(
    { ...jwt.payload, jti: undefined },
    {
      iat: nowS(),
      iss: alice.did,
      aud,
      exp: nowS() + 60,
      lxm: 'app.bsky.feed.getTimeline',
      jti: undefined,
    },
  )
  const document = await house.resolver.document(alice.did)
  assert.equal(verifySignature(atprotoKeyOf(document!)!, Buffer.from(jwt.signed), jwt.signature), true)
})

test('a token lasts an hour at most, a minute when it is good for every method', async () => {
  const lxm = 'com.atproto.repo.uploadBlob'
  assert.equal((await ask({ aud, lxm, exp: nowS() + 3600 })).payload['exp'], nowS() + 3600)
  for (const params of [
    { aud, lxm, exp: nowS() + 3601 },
    { aud, lxm, exp: nowS() - 1 },
    { aud, exp: nowS() + 61 },
  ]) {
    await assert.rejects(ask(params), { code: 'invalid', wireName: 'BadExpiration' })
  }
})

test('no token is given for what changes the account itself', async () => {
  for (const lxm of ['com.atproto.server.createAppPassword', 'com.atproto.identity.signPlcOperation']) {
    await assert.rejects(ask({ aud, lxm }), /protected method/)
  }
})

test('an app password gets no token for messages, and a session of leaving only one to move', async () => {
  await assert.rejects(ask({ aud, lxm: 'chat.bsky.convo.listConvos' }, 'appPass'), /insufficient access/)
  await ask({ aud, lxm: 'app.bsky.feed.getTimeline' }, 'appPass')
  await ask({ aud, lxm: 'com.atproto.server.createAccount' }, 'takendown')
  await assert.rejects(ask({ aud, lxm: 'app.bsky.feed.getTimeline' }, 'takendown'), {
    wireName: 'InvalidToken',
  })
})

test('an audience is a DID that ATProto knows, or a service of one', () => {
  const good = [
    'did:web:api.example.com',
    'did:web:localhost',
    'did:web:localhost%3A2583',
    `${alice.did}`,
    `${alice.did}#leaf`,
  ]
  const bad = [
    'nobody',
    'did:key:zQ3sh',
    'did:web:',
    'did:web:example.com:path',
    'did:plc:short',
    `${alice.did}#`,
    `${alice.did}#a#b`,
    '',
  ]
  for (const text of good) assert.equal(isAtprotoAudience(text), true, text)
  for (const text of bad) assert.equal(isAtprotoAudience(text), false, text)
})
