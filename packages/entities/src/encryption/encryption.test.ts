import assert from 'node:assert/strict'
import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { x25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import {
  associatedData,
  type EncryptionAlgorithm,
  type EncryptionKey,
  pad,
  secretKeyId,
  unpad,
} from './algorithm.ts'
import { hpkeOpen, hpkeSeal, hpkeX25519 } from './hpke.ts'
import { aes256Gcm, xchacha20Poly1305 } from './secret.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const unhex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const random = (length: number) => new Uint8Array(randomBytes(length))

const secretKey = random(32)
const recipient: EncryptionKey = { kind: 'recipient', publicKey: x25519.getPublicKey(secretKey), secretKey }
const shared: EncryptionKey = { kind: 'secret', key: random(32) }
const cases: readonly (readonly [EncryptionAlgorithm, EncryptionKey, EncryptionKey])[] = [
  [xchacha20Poly1305, shared, { kind: 'secret', key: random(32) }],
  [aes256Gcm, shared, { kind: 'secret', key: random(32) }],
  [
    hpkeX25519,
    recipient,
    { kind: 'recipient', publicKey: x25519.getPublicKey(random(32)), secretKey: random(32) },
  ],
]

/** RFC 9180, A.2.1: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, sequence number 0. */
test('HPKE gives the RFC’s first message, and opens it', () => {
  const ephemeral = unhex('f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600')
  const ours = unhex('8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb')
  const info = unhex('4f6465206f6e2061204772656369616e2055726e')
  const associated = unhex('436f756e742d30')
  const plain = unhex('4265617574792069732074727574682c20747275746820626561757479')
  const recipientKey = x25519.getPublicKey(ours)
  assert.equal(hex(recipientKey), '4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a')
  const message = hpkeSeal({ recipient: recipientKey, ephemeral, info, associated, plain })
  assert.equal(hex(message.enc), '1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a')
  assert.equal(
    hex(message.sealed),
    '1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28',
  )
  assert.deepEqual(hpkeOpen({ secretKey: ours, info, associated, message }), plain)
})

test('what is encrypted comes back by its key, by no other, and not when a bit has changed', () => {
  for (const [algorithm, key, stranger] of cases) {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), plain => {
        const sealed = algorithm.encrypt(key, plain, random)
        assert.deepEqual(algorithm.decrypt(key, sealed), plain)
        assert.equal(algorithm.decrypt(stranger, sealed), undefined)
        const changed = sealed.slice()
        const at = plain.length % sealed.length
        changed[at] = (changed[at] as number) ^ 4
        assert.equal(algorithm.decrypt(key, changed), undefined)
        assert.equal(algorithm.decrypt(key, sealed.subarray(0, sealed.length - 1)), undefined)
      }),
      { numRuns: 30 },
    )
    assert.equal(algorithm.decrypt(key, new Uint8Array()), undefined)
  }
})

test('the same text twice gives two cipher texts, and near lengths one length', () => {
  for (const [algorithm, key] of cases) {
    const text = new Uint8Array(100)
    assert.notDeepEqual(algorithm.encrypt(key, text, random), algorithm.encrypt(key, text, random))
    assert.equal(
      algorithm.encrypt(key, new Uint8Array(3), random).length,
      algorithm.encrypt(key, new Uint8Array(28), random).length,
    )
  }
})

test('a key of another kind is not used', () => {
  assert.equal(xchacha20Poly1305.keyIdOf(recipient), undefined)
  assert.equal(hpkeX25519.keyIdOf(shared), undefined)
  assert.throws(() => aes256Gcm.encrypt(recipient, new Uint8Array(), random), TypeError)
  assert.throws(() => hpkeX25519.encrypt(shared, new Uint8Array(), random), TypeError)
})

test('a key’s id does not tell the key', () => {
  assert.equal(hex(xchacha20Poly1305.keyIdOf(shared) ?? new Uint8Array()), hex(secretKeyId(shared.key)))
  assert.notDeepEqual(secretKeyId(shared.key), shared.key)
  assert.deepEqual(hpkeX25519.keyIdOf(recipient), recipient.publicKey)
})

test('AES-256-GCM is what its specification says, by another implementation', () => {
  const plain = new Uint8Array(Buffer.from('hello'))
  const sealed = aes256Gcm.encrypt(shared, plain, random)
  const derived = Buffer.from(hkdfSync('sha256', shared.key, sealed.subarray(0, 32), 'leaf.aes256gcm', 44))
  const cipher = createCipheriv('aes-256-gcm', derived.subarray(0, 32), derived.subarray(32))
  cipher.setAAD(associatedData(aes256Gcm.id, secretKeyId(shared.key)))
  const text = Buffer.concat([cipher.update(pad(plain)), cipher.final(), cipher.getAuthTag()])
  assert.equal(hex(sealed.subarray(32)), hex(text))
})

test('padding has few sizes, and is refused when it is not the one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 70_000 }), length => {
      const padded = pad(new Uint8Array(length).fill(1))
      assert.ok(padded.length >= 32 && padded.length <= Math.max(32, (length + 4) * 1.12 + 1))
      assert.equal(unpad(padded).length, length)
    }),
  )
  const padded = pad(new Uint8Array(5))
  assert.throws(() => unpad(padded.subarray(1)))
  padded[31] = 1
  assert.throws(() => unpad(padded), /zeros/)
})

/** Whoever changes a text makes another algorithm, that nobody else knows. */
test('golden: the ids of the algorithms', () => {
  assert.deepEqual(
    [xchacha20Poly1305, aes256Gcm, hpkeX25519].map(({ name, id }) => [name, hex(id)]),
    [
      ['leaf.xchacha20poly1305', 'e5bede72f8635b1690513b2d60a04580d3ffe17a666e9dde7b090705b2785c7a'],
      ['leaf.aes256gcm', 'bdae9fc1fabf9dad1dced803868320674092bdec53032ca4196e120760538ce6'],
      ['leaf.hpke-x25519', '6af109e4d214cf3ea89db9eb3cca8736afc68cac8bd74e1f4f420eccbf2162d4'],
    ],
  )
})
