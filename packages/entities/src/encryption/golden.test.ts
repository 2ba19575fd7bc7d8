import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBorsh } from '@leaf/codec/borsh/codec'
import { primitives } from '@leaf/codec/borsh/primitives'
import { identityFromSeed, recipientOf } from '../api/identity.ts'
import { toHex } from '../api/text.ts'
import { componentData, utf8SchemaId } from '../leaf/objects.ts'
import { ed25519 } from '../store/test-entries.ts'
import { pad, secretKeyId } from './algorithm.ts'
import { hpkeX25519 } from './hpke.ts'
import { aes256Gcm, xchacha20Poly1305 } from './secret.ts'

const plain = encodeBorsh(componentData, { schema: utf8SchemaId, data: encodeBorsh(primitives.string, 'hi') })
const key = new Uint8Array(32).fill(1)
const secret = { kind: 'secret', key } as const
const recipient = recipientOf(new Uint8Array(32).fill(3))
/** What is random in an envelope, here the byte 2. */
const twos = (length: number) => new Uint8Array(length).fill(2)

test('golden: the envelope of each algorithm around the component UTF-8 "hi"', () => {
  assert.equal(toHex(pad(plain)), `2a000000${toHex(plain)}0000`)
  assert.equal(toHex(secretKeyId(key)), 'b7186c5b5a7a14b368145555434384e123962bbbb39be4708a707f133a773453')
  assert.equal(
    toHex(xchacha20Poly1305.encrypt(secret, plain, twos)),
    `${'02'.repeat(24)}e66636eff8c60be19001ca3922f62b24eedfc78826e49c2e935fcc3ddf94e98e7abab58a60044d0d596197e8e7d338383ac136b64705de2d856f6d56b0a46c57`,
  )
  assert.equal(
    toHex(aes256Gcm.encrypt(secret, plain, twos)),
    `${'02'.repeat(32)}baa559215313766b650a2d2f84278bf905f8ed0e3cf374ba86d86a5edd304c490986656af23bf8f4a29568345aebc8f19ce5ae4ef47b39b5f941c75e71817c60`,
  )
  assert.equal(toHex(recipient.publicKey), '5dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef22')
  assert.equal(
    toHex(hpkeX25519.encrypt(recipient, plain, twos)),
    'ce8d3ad1ccb633ec7b70c17814a5c76ecd029685050d344745ba05870e587d59d979d876c78460bc065b03001488c1be7bbfdd23e1fe7a14bd3ef551c19ffb796837adacd679ca4aca2ffc83c3a26e1ff8fdd95fbf795055220deafbc1c094a7',
  )
})

test('golden: sizes after padding', () => {
  const sizes = [1, 28, 29, 60, 61, 100, 1000, 100_000]
  assert.deepEqual(
    sizes.map(size => pad(new Uint8Array(size)).length),
    [32, 32, 36, 64, 72, 104, 1024, 100_352],
  )
})

test('golden: the keys of a seed', async () => {
  const identity = await identityFromSeed(ed25519, new Uint8Array(32).fill(4))
  assert.equal(toHex(identity.publicKey), 'ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c')
  assert.equal(
    toHex(identity.encryptionKey.publicKey),
    '60aa5b84ba38fb78dcce429b8f60be815f6ae5f8839a59f476aa59d18bcf210d',
  )
})
