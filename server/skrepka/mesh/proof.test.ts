import assert from 'node:assert/strict'
import { createHash, createHmac, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { isStrictPoint, verifyStrict } from './ed25519.ts'
import {
  challengeOf,
  ownChallenge,
  proofAgeMsMax,
  proofAheadMsMax,
  signedText,
  verifyProof,
} from './proof.ts'

interface Vector {
  name: string
  serverHost: string
  address: string
  atMs: number
  nonce: string
  boundHost?: string
  seed: string
  key: string
  challenge: string
  r: string
  signature: string
}
const vectors: { houseKey: string; cases: Vector[]; smallOrderKeys: string[]; nonCanonicalKeys: string[] } =
  JSON.parse(readFileSync(new URL('../../../vectors/skrepka-proof.json', import.meta.url), 'utf8'))
const houseKey = Buffer.from(vectors.houseKey, 'hex')
const proofOf = ({ challenge, r, signature, boundHost }: Vector) =>
  boundHost === undefined ? { challenge, r, signature } : { challenge, r, signature, boundHost }
const verdict = (vector: Vector, change: Partial<Vector & { nowMs: number }> = {}) => {
  const changed = { ...vector, ...change }
  const claim = { proof: proofOf(changed), key: changed.key, server: changed.serverHost }
  return verifyProof({ ...claim, nowMs: changed.nowMs ?? vector.atMs }).kind
}

test('challenges and proofs have their golden values', () => {
  for (const vector of vectors.cases) {
    const nonce = Buffer.from(vector.nonce, 'hex')
    const made = challengeOf({ ...vector, houseKey, nonce })
    assert.deepEqual(made, { challenge: vector.challenge, r: vector.r }, vector.name)
    assert.equal(verdict(vector), 'valid', vector.name)
    const der = Buffer.concat([
      Buffer.from('302e020100300506032b657004220420', 'hex'),
      Buffer.from(vector.seed, 'hex'),
    ])
    const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    const signature = sign(null, signedText(vector.challenge, vector.boundHost), secret)
    assert.equal(signature.toString('hex'), vector.signature, vector.name)
  }
})

test('the layout is the written one, computed here a second time', () => {
  const [vector] = vectors.cases
  assert.ok(vector)
  const head = Buffer.from(vector.challenge.slice(0, 20), 'hex')
  const key = Buffer.from(vector.key, 'hex')
  const r = createHmac('sha256', houseKey)
    .update(Buffer.concat([Buffer.from('skrepka-challenge-v1\0'), head, key, Buffer.from([0, 0])]))
    .digest()
    .subarray(0, 16)
  assert.equal(vector.r, r.toString('hex'))
  const hash = createHash('sha256')
    .update(Buffer.concat([Buffer.from(`skrepka-presence-v1\0${vector.serverHost}\0`), head, key, r]))
    .digest('hex')
  assert.equal(vector.challenge.slice(20), hash.slice(0, 28))
})

test('a house knows its own challenges, for the key and address they were made for, and no others', () => {
  const [vector] = vectors.cases
  assert.ok(vector)
  const { serverHost, key, challenge } = vector
  const own = (change: object) =>
    ownChallenge({ houseKey, serverHost, key, address: '', challenge, ...change })
  assert.deepEqual(own({}), { r: vector.r, atMs: vector.atMs })
  assert.equal(own({ address: '203.0.113.7' }), undefined)
  assert.equal(own({ key: vectors.cases[2]?.key }), undefined)
  assert.equal(own({ serverHost: 'other.example' }), undefined)
  assert.equal(own({ houseKey: Buffer.alloc(32) }), undefined)
  for (const wrong of ['', challenge.toUpperCase(), `${challenge}00`, challenge.slice(2), 'z'.repeat(48)]) {
    assert.equal(own({ challenge: wrong }), undefined)
  }
})

test('a proof holds for one key at one server, for 2 h 35 min, and at most 5 min ahead', () => {
  for (const vector of vectors.cases) {
    assert.equal(verdict(vector, { serverHost: 'evil.example' }), 'foreign')
    const other = vectors.cases.find(one => one.key !== vector.key)
    assert.equal(verdict(vector, { key: other?.key ?? '' }), 'foreign')
    assert.equal(verdict(vector, { nowMs: vector.atMs + proofAgeMsMax }), 'valid')
    assert.equal(verdict(vector, { nowMs: vector.atMs + proofAgeMsMax + 1 }), 'stale')
    assert.equal(verdict(vector, { nowMs: vector.atMs - proofAheadMsMax }), 'valid')
    assert.equal(verdict(vector, { nowMs: vector.atMs - proofAheadMsMax - 1 }), 'future')
  }
  assert.equal(proofAgeMsMax, (2 * 60 + 35) * 60_000)
})

test('the bound text proves with its host, and a bare signature proves also beside one', () => {
  const [bare, , bound] = vectors.cases
  assert.ok(bare !== undefined && bound !== undefined)
  assert.equal(verdict(bare, { boundHost: 'anything.example' }), 'valid')
  assert.equal(verdict(bound, { boundHost: 'other.example' }), 'forged')
  const { boundHost: _, ...without } = bound
  assert.equal(verdict(without), 'forged')
  assert.equal(verdict(bound, { boundHost: 'a b' }), 'malformed')
  assert.equal(verdict(bound, { boundHost: 'a'.repeat(129) }), 'malformed')
})

test('no flipped digit of a proof is accepted', () => {
  const flip = (text: string, at: number) =>
    text.slice(0, at) + (text[at] === '0' ? '1' : '0') + text.slice(at + 1)
  for (const vector of vectors.cases) {
    for (const field of ['challenge', 'r', 'signature'] as const) {
      for (let at = 0; at < vector[field].length; at += 1) {
        assert.notEqual(verdict(vector, { [field]: flip(vector[field], at) }), 'valid', `${field} ${at}`)
      }
    }
  }
})

test('any text for any field is answered with a verdict, never an exception', () => {
  const [vector] = vectors.cases
  assert.ok(vector)
  fc.assert(
    fc.property(
      fc.constantFrom('challenge', 'r', 'signature', 'key', 'serverHost', 'boundHost'),
      fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), maxLength: 140 })),
      (field, text) => {
        if (text === vector[field as keyof Vector]) return
        const kind = verdict(vector, { [field]: text })
        // A bare signature holds whatever host is named beside it.
        assert.ok(field === 'boundHost' || kind !== 'valid', `${field} "${text}"`)
      },
    ),
  )
})

test('small-order and non-canonical keys prove nothing', () => {
  const identity = Buffer.from(vectors.smallOrderKeys[0] ?? '', 'hex')
  const nothing = Buffer.concat([identity, Buffer.alloc(32)])
  for (const hex of [...vectors.smallOrderKeys, ...vectors.nonCanonicalKeys]) {
    const key = Buffer.from(hex, 'hex')
    assert.equal(isStrictPoint(key), false, hex)
    assert.equal(verifyStrict(key, Buffer.from('x'), nothing), false, hex)
  }
})

test('bytes that are no point, or of another length, verify nothing', () => {
  const message = Buffer.from('x')
  const pair = generateKeyPairSync('ed25519')
  const key = Buffer.from(pair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
  const signature = sign(null, message, pair.privateKey)
  assert.equal(verifyStrict(key, message, signature), true)
  assert.equal(verifyStrict(key, message, signature.subarray(1)), false)
  assert.equal(verifyStrict(key.subarray(1), message, signature), false)
  const high = Buffer.from(signature)
  high[63] = (high[63] ?? 0) | 0xe0 // S past the order
  assert.equal(verifyStrict(key, message, high), false)
  for (let n = 2; n < 40; n += 1) {
    const bytes = Buffer.alloc(32)
    bytes[0] = n
    assert.equal(verifyStrict(bytes, message, signature), false)
  }
})
