/** HPKE in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305: one message. RFC 9180. */
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { specified } from '../leaf/specification.ts'
import { associatedData, concat, type EncryptionAlgorithm, pad, unpad } from './algorithm.ts'

const encoder = new TextEncoder()
const version = encoder.encode('HPKE-v1')
/** "KEM" and the id of DHKEM(X25519, HKDF-SHA256). */
const kemSuite = concat(encoder.encode('KEM'), Uint8Array.of(0, 0x20))
/** "HPKE" and the ids of the KEM, HKDF-SHA256 and ChaCha20-Poly1305. */
const hpkeSuite = concat(encoder.encode('HPKE'), Uint8Array.of(0, 0x20, 0, 1, 0, 3))
const none = new Uint8Array()

function labeledExtract(suite: Uint8Array, salt: Uint8Array, label: string, input: Uint8Array): Uint8Array {
  return extract(sha256, concat(version, suite, encoder.encode(label), input), salt)
}

function labeledExpand(options: {
  readonly suite: Uint8Array
  readonly key: Uint8Array
  readonly label: string
  readonly info: Uint8Array
  readonly length: number
}): Uint8Array {
  const { suite, key, label, info, length } = options
  const length16 = Uint8Array.of(length >> 8, length & 0xff)
  return expand(sha256, key, concat(length16, version, suite, encoder.encode(label), info), length)
}

/** The key and nonce of the first message. §4.1 and §5.1 of the RFC. */
function schedule(shared: Uint8Array, sender: Uint8Array, recipient: Uint8Array, info: Uint8Array) {
  const secret = labeledExpand({
    suite: kemSuite,
    key: labeledExtract(kemSuite, none, 'eae_prk', shared),
    label: 'shared_secret',
    info: concat(sender, recipient),
    length: 32,
  })
  const context = concat(
    Uint8Array.of(0),
    labeledExtract(hpkeSuite, none, 'psk_id_hash', none),
    labeledExtract(hpkeSuite, none, 'info_hash', info),
  )
  const key = labeledExtract(hpkeSuite, secret, 'secret', none)
  const derive = (label: string, length: number) =>
    labeledExpand({ suite: hpkeSuite, key, label, info: context, length })
  return { key: derive('key', 32), nonce: derive('base_nonce', 12) }
}

export interface HpkeMessage {
  /** 32 bytes: the sender's key of this message. */
  readonly enc: Uint8Array
  /** With its tag of 16 bytes. */
  readonly sealed: Uint8Array
}

/** Seals one message. `ephemeral` is the secret of this message alone. Throws for a recipient's key of small order. */
export function hpkeSeal(options: {
  readonly recipient: Uint8Array
  readonly ephemeral: Uint8Array
  readonly info: Uint8Array
  readonly associated: Uint8Array
  readonly plain: Uint8Array
}): HpkeMessage {
  const { recipient, ephemeral, info, associated, plain } = options
  const enc = x25519.getPublicKey(ephemeral)
  const shared = x25519.getSharedSecret(ephemeral, recipient)
  const { key, nonce } = schedule(shared, enc, recipient, info)
  return { enc, sealed: chacha20poly1305(key, nonce, associated).encrypt(plain) }
}

/** Opens one message. Throws when it is not for this key, or was changed. */
export function hpkeOpen(options: {
  readonly secretKey: Uint8Array
  readonly info: Uint8Array
  readonly associated: Uint8Array
  readonly message: HpkeMessage
}): Uint8Array {
  const { secretKey, info, associated, message } = options
  const shared = x25519.getSharedSecret(secretKey, message.enc)
  const { key, nonce } = schedule(shared, message.enc, x25519.getPublicKey(secretKey), info)
  return chacha20poly1305(key, nonce, associated).decrypt(message.sealed)
}

const info = encoder.encode('leaf/component/1')
const base = specified(
  'leaf.hpke-x25519',
  'HPKE in base mode (RFC 9180) with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305, to one person. key_id is her X25519 public key. The info is the text "leaf/component/1". encrypted_data is enc (32 bytes), then the cipher text with its tag of 16 bytes.\n\nThe plain text is Borsh of ComponentData. Before it come four bytes, its length, little-endian; after it zeros, so that the whole has the next PADMÉ size, at least 32 bytes. The associated data is the text "leaf/component/1", the 32 bytes of this algorithm\'s id, and key_id. Who sent it is not authenticated by this algorithm; the signature of the entity\'s entry does that.',
)

/** To one person, by her public key. */
export const hpkeX25519: EncryptionAlgorithm = {
  ...base,
  keyIdOf: key => (key.kind === 'recipient' ? key.publicKey : undefined),
  encrypt: (key, plain, random) => {
    if (key.kind !== 'recipient') throw new TypeError('expected a public key of X25519')
    const { enc, sealed } = hpkeSeal({
      recipient: key.publicKey,
      ephemeral: random(32),
      info,
      associated: associatedData(base.id, key.publicKey),
      plain: pad(plain),
    })
    return concat(enc, sealed)
  },
  decrypt: (key, sealed) => {
    if (key.kind !== 'recipient' || key.secretKey === undefined || sealed.length < 48) return undefined
    try {
      const message = { enc: sealed.slice(0, 32), sealed: sealed.subarray(32) }
      const associated = associatedData(base.id, key.publicKey)
      return unpad(hpkeOpen({ secretKey: key.secretKey, info, associated, message }))
    } catch {
      return undefined
    }
  },
}
