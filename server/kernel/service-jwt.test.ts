import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from './clock.ts'
import { Refusal } from './errors.ts'
import { atprotoKeyOf } from './identity/document.ts'
import type { Did, DidDocument } from './identity/types.ts'
import { jwtPart, parseJwt, type ParsedJwt } from './jwt.ts'
import { generateSigningKey, type SigningKey, verifySignature } from './keys.ts'
import { systemRandom } from './random.ts'
import { createIssuerCheck } from './service-jwt.ts'

const alice: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const key = generateSigningKey(systemRandom)
const other = generateSigningKey(systemRandom)

function signed(by: SigningKey): ParsedJwt {
  const text = `${jwtPart({ alg: 'ES256K' })}.${jwtPart({ iss: alice })}`
  const jwt = parseJwt(`${text}.${Buffer.from(by.sign(Buffer.from(text))).toString('base64url')}`)
  assert.ok(jwt)
  return jwt
}

function documentWith({ didKey }: SigningKey): DidDocument {
  const publicKeyMultibase = didKey.slice('did:key:'.length)
  return {
    id: alice,
    verificationMethod: [{ id: `${alice}#atproto`, type: 'Multikey', controller: alice, publicKeyMultibase }],
  }
}

/** `cached` is what a resolver has; `fresh` what it gets when it is forced to ask. */
function open(cached: DidDocument | undefined, fresh = cached) {
  const clock = createManualClock()
  const asked: boolean[] = []
  const check = createIssuerCheck({
    clock,
    resolver: {
      document: async (_did, { force = false } = {}) => {
        asked.push(force)
        return force ? fresh : cached
      },
    },
    signingKeyOf: atprotoKeyOf,
    verifySignature,
  })
  return { clock, asked, check }
}

test('a signature by the key of the document is enough', async () => {
  const { check, asked } = open(documentWith(key))
  assert.equal(await check(signed(key), alice), 'signed')
  assert.deepEqual(asked, [false])
})

test('a key that changed since the document was cached is found', async () => {
  const { check } = open(documentWith(other), documentWith(key))
  assert.equal(await check(signed(key), alice), 'signed')
})

test('no document, no key and a wrong signature are told apart', async () => {
  assert.equal(await open(undefined).check(signed(key), alice), 'no-document')
  assert.equal(await open({ id: alice }).check(signed(key), alice), 'no-key')
  assert.equal(await open(documentWith(other)).check(signed(key), alice), 'wrong-signature')
})

test('wrong signatures make the document be fetched once in half a minute', async () => {
  const { check, asked, clock } = open(documentWith(other))
  const forced = () => asked.filter(force => force).length
  for (let attempt = 0; attempt < 4; attempt += 1) await check(signed(key), alice)
  assert.equal(forced(), 1)
  clock.advance(30_000)
  await check(signed(key), alice)
  assert.equal(forced(), 2)
})

test('what the resolver refuses is refused', async () => {
  const check = createIssuerCheck({
    clock: createManualClock(),
    resolver: { document: () => Promise.reject(new Refusal('upstream', 'no answer')) },
    signingKeyOf: atprotoKeyOf,
    verifySignature,
  })
  await assert.rejects(check(signed(key), alice), { code: 'upstream' })
})
