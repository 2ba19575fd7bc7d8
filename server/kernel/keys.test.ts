import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { didKeyOfMethod, formatDidKey, formatMultikey, parseDidKey } from './did-key.ts'
import { Corruption } from './errors.ts'
import { createSealer, generateSigningKey, signingKeyFrom, verifySignature } from './keys.ts'
import { normalizeS } from './low-s.ts'
import { systemRandom } from './random.ts'
import { opensslEngine, secp256k1 } from './secp256k1.ts'

const base64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64'))
const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const message = base64('oWVoZWxsb2V3b3JsZA')

// interop-test-files/crypto/signature-fixtures.json of bluesky-social/atproto
const p256 = 'did:key:zDnaembgSGUhZULN2Caob4HLJPaxBh92N7rtH21TErzqf8HQo'
const k256 = 'did:key:zQ3shqwJEJyMBsBXCWyCBpUBMqxcon9oHB7mCvx4sSpMdLJwc'
const p256Low = base64(
  '2vZNsG3UKvvO/CDlrdvyZRISOFylinBh0Jupc6KcWoJWExHptCfduPleDbG3rko3YZnn9Lw0IjpixVmexJDegg',
)
const p256High = base64(
  '2vZNsG3UKvvO/CDlrdvyZRISOFylinBh0Jupc6KcWoKp7O4VS9giSAah8k5IUbXIW00SuOrjfEqQ9HEkN9JGzw',
)
const k256Low = base64(
  '5WpdIuEUUfVUYaozsi8G0B3cWO09cgZbIIwg1t2YKdUn/FEznOndsz/qgiYb89zwxYCbB71f7yQK5Lr7NasfoA',
)
const k256High = base64(
  '5WpdIuEUUfVUYaozsi8G0B3cWO09cgZbIIwg1t2YKdXYA67MYxYiTMAVfdnkDCMN9S5B3vHosRe07aORmoshoQ',
)

// interop-test-files/crypto/w3c_didkey_K256.json
const secrets = [
  [
    '9085d2bef69286a6cbb51623c8fa258629945cd55ca705cc4e66700396894e0c',
    'zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme',
  ],
  [
    'f0f4df55a2b3ff13051ea814a8f24ad00f2e469af73c363ac7e9fb999a9072ed',
    'zQ3shtxV1FrJfhqE1dvxYRcCknWNjHc3c5X1y3ZSoPDi2aur2',
  ],
  [
    '6b0b91287ae3348f8c2f2552d766f30e3604867e34adc37ccbb74a8e6b893e02',
    'zQ3shZc2QzApp2oymGvQbzP8eKheVshBHbU4ZYjeXqwSKEn6N',
  ],
  [
    'c0a6a7c560d37d7ba81ecee9543721ff48fea3e0fb827d42c1868226540fac15',
    'zQ3shadCps5JLAHcZiuX5YUtWHHL8ysBJqFLWvjZDKAWUBGzy',
  ],
  [
    '175a232d440be1e0788f25488a73d9416c04b6f924bea6354bf05dd2f1a75133',
    'zQ3shptjE6JwdkeKN4fcpnYQY3m9Cet3NiHdAfpvSUZBFoKBj',
  ],
] as const

test('the low-S signatures of the interoperability vectors verify, on both curves', () => {
  assert.equal(verifySignature(p256, message, p256Low), true)
  assert.equal(verifySignature(k256, message, k256Low), true)
})

test('high-S signatures are refused, except where the caller allows them', () => {
  assert.equal(verifySignature(p256, message, p256High), false)
  assert.equal(verifySignature(k256, message, k256High), false)
  assert.equal(verifySignature(p256, message, p256High, { allowHighS: true }), true)
  assert.equal(verifySignature(k256, message, k256High, { allowHighS: true }), true)
  assert.equal(verifySignature(p256, message, p256Low, { allowHighS: true }), true)
})

test('a signature that is altered, cut, or of DER form is refused without an error', () => {
  for (const [did, good] of [
    [p256, p256Low],
    [k256, k256Low],
  ] as const) {
    for (const at of [0, 31, 32, 63]) {
      const altered = good.slice()
      altered[at] = (altered[at] ?? 0) ^ 1
      assert.equal(verifySignature(did, message, altered), false)
    }
    assert.equal(verifySignature(did, message, good.subarray(1)), false)
    assert.equal(verifySignature(did, message, new Uint8Array(64)), false)
    assert.equal(verifySignature(did, message, new Uint8Array(64).fill(255), { allowHighS: true }), false)
    assert.equal(verifySignature(did, new Uint8Array(0), good), false)
  }
})

test('a point off the curve, an unknown curve and a non-canonical did:key verify nothing', () => {
  const off = new Uint8Array(33).fill(255)
  off[0] = 2
  for (const curve of ['k256', 'p256'] as const) {
    assert.equal(verifySignature(formatDidKey({ curve, point: off }), message, k256Low), false)
  }
  assert.equal(
    verifySignature('did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK', message, k256Low),
    false,
  )
  assert.equal(verifySignature(`${k256}1`, message, k256Low), false)
})

test('a secp256k1 secret gives the did:key of the interoperability vectors', () => {
  for (const [secret, multikey] of secrets) {
    const key = signingKeyFrom(hex(secret))
    assert.equal(key.didKey, `did:key:${multikey}`)
    assert.deepEqual(opensslEngine().publicKey(hex(secret)), Buffer.from(secp256k1.publicKey(hex(secret))))
    assert.equal(verifySignature(key.didKey, message, key.sign(message)), true)
  }
})

test('did:key text is canonical: what parses is spelled the same when formatted', () => {
  for (const text of [p256, k256, `did:key:${secrets[0][1]}`]) {
    const key = parseDidKey(text)
    assert.ok(key)
    assert.equal(formatDidKey(key), text)
  }
  for (const bad of [
    '',
    'did:key:',
    'did:key:z',
    'did:key:z1',
    k256.toUpperCase(),
    `${k256} `,
    k256.slice(0, -1),
    `did:key:z1${k256.slice(9)}`,
  ]) {
    assert.equal(parseDidKey(bad), undefined, bad)
  }
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.constantFrom('k256' as const, 'p256' as const),
      (x, curve) => {
        const point = Uint8Array.of(3, ...x)
        assert.deepEqual(parseDidKey(formatDidKey({ curve, point })), { curve, point })
      },
    ),
  )
})

test('the older verification methods of DID documents name the same key', () => {
  // publicKeyMultibase of signature-fixtures.json: uncompressed there is older still, here as it was published
  assert.equal(
    didKeyOfMethod('EcdsaSecp256k1VerificationKey2019', 'z25z9DTpsiYYJKGsWmSPJK2NFN8PcJtZig12K59UgW7q5t'),
    k256,
  )
  assert.equal(
    didKeyOfMethod('EcdsaSecp256r1VerificationKey2019', 'zxdM8dSstjrpZaRUwBmDvjGXweKuEMVN95A9oJBFjkWMh'),
    p256,
  )
  const key = parseDidKey(k256)
  assert.ok(key)
  assert.equal(didKeyOfMethod('Multikey', formatMultikey(key)), k256)
  assert.equal(didKeyOfMethod('Ed25519VerificationKey2020', formatMultikey(key)), undefined)
})

test('signing is low-S and, with the native engine, deterministic', () => {
  const key = generateSigningKey(systemRandom)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      const signature = key.sign(bytes)
      assert.equal(signature.length, 64)
      assert.equal(normalizeS('k256', signature), signature)
      assert.equal(verifySignature(key.didKey, bytes, signature), true)
      if (secp256k1.engine === 'libsecp256k1') assert.deepEqual(key.sign(bytes), signature)
    }),
    { numRuns: 50 },
  )
})

test('both secp256k1 engines accept and refuse the same', () => {
  const openssl = opensslEngine()
  const secret = hex(secrets[0][0])
  const point = secp256k1.publicKey(secret)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(63), fc.nat(255), (bytes, at, value) => {
      const signature = openssl.sign(bytes, secret).slice()
      assert.equal(secp256k1.verify(bytes, signature, point), true)
      assert.equal(openssl.verify(bytes, secp256k1.sign(bytes, secret), point), true)
      signature[at] = value
      assert.equal(secp256k1.verify(bytes, signature, point), openssl.verify(bytes, signature, point))
    }),
    { numRuns: 60 },
  )
  const bounds = [
    '00'.repeat(32),
    'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
    'ff'.repeat(32),
    `${'00'.repeat(31)}01`,
    'aa',
  ]
  for (const bound of bounds)
    assert.equal(secp256k1.isSecret(hex(bound)), openssl.isSecret(hex(bound)), bound)
  assert.throws(() => signingKeyFrom(new Uint8Array(32)), Corruption)
})

test('what was sealed opens with the same secret and context only, and nothing altered opens', () => {
  const sealer = createSealer('a sealing secret of more than 32 characters')
  const plain = systemRandom.bytes(32)
  const sealed = sealer.seal(plain, 'pds/signing-key/did:plc:abc')
  assert.equal(sealed.length, 1 + 12 + 32 + 16)
  assert.deepEqual(sealer.open(sealed, 'pds/signing-key/did:plc:abc'), new Uint8Array(plain))
  assert.throws(() => sealer.open(sealed, 'pds/signing-key/did:plc:abd'), Corruption)
  const other = createSealer('another sealing secret, long enough too')
  assert.throws(() => other.open(sealed, 'pds/signing-key/did:plc:abc'), Corruption)
  for (let at = 0; at < sealed.length; at += 1) {
    const altered = sealed.slice()
    altered[at] = (altered[at] ?? 0) ^ 1
    assert.throws(() => sealer.open(altered, 'pds/signing-key/did:plc:abc'), Corruption, `byte ${at}`)
  }
  assert.throws(() => sealer.open(sealed.subarray(0, 28), 'pds/signing-key/did:plc:abc'), Corruption)
})

test('sealing one thing twice gives two different boxes', () => {
  const sealer = createSealer('a sealing secret of more than 32 characters')
  assert.notDeepEqual(sealer.seal(new Uint8Array(32), 'x'), sealer.seal(new Uint8Array(32), 'x'))
})
