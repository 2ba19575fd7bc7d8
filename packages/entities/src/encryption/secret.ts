/** Encryption by a key that both sides have. */
import { gcm } from '@noble/ciphers/aes.js'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { specified } from '../leaf/specification.ts'
import {
  associatedData,
  concat,
  type EncryptionAlgorithm,
  type EncryptionKey,
  pad,
  secretKeyId,
  unpad,
} from './algorithm.ts'

const keyBytes = 32
const tagBytes = 16
const encoder = new TextEncoder()

const envelope = `The plain text is Borsh of ComponentData. Before it come four bytes, its length, little-endian; after it zeros, so that the whole has the next PADMÉ size, at least 32 bytes. The key has 32 bytes; key_id is WILLIAM3 of the text "leaf/key-id/1" and the key. The associated data is the text "leaf/component/1", the 32 bytes of this algorithm's id, and key_id.`

interface SecretCipher {
  readonly name: string
  readonly text: string
  /** Random bytes in front of the sealed text. */
  readonly freshBytes: number
  readonly cipher: (
    key: Uint8Array,
    fresh: Uint8Array,
    associated: Uint8Array,
  ) => { encrypt(plain: Uint8Array): Uint8Array; decrypt(sealed: Uint8Array): Uint8Array }
}

function create({ name, text, freshBytes, cipher }: SecretCipher): EncryptionAlgorithm {
  const base = specified(name, `${text}\n\n${envelope}`)
  const secretOf = (key: EncryptionKey) =>
    key.kind === 'secret' && key.key.length === keyBytes ? key.key : undefined
  return {
    ...base,
    keyIdOf: key => {
      const secret = secretOf(key)
      return secret === undefined ? undefined : secretKeyId(secret)
    },
    encrypt: (key, plain, random) => {
      const secret = secretOf(key)
      if (secret === undefined) throw new TypeError(`expected a secret key of ${keyBytes} bytes for ${name}`)
      const fresh = random(freshBytes)
      const associated = associatedData(base.id, secretKeyId(secret))
      return concat(fresh, cipher(secret, fresh, associated).encrypt(pad(plain)))
    },
    decrypt: (key, sealed) => {
      const secret = secretOf(key)
      if (secret === undefined || sealed.length < freshBytes + tagBytes) return undefined
      const fresh = sealed.subarray(0, freshBytes)
      const associated = associatedData(base.id, secretKeyId(secret))
      try {
        return unpad(cipher(secret, fresh, associated).decrypt(sealed.subarray(freshBytes)))
      } catch {
        return undefined
      }
    },
  }
}

/** The default: nonces of 24 bytes may be random for ever. */
export const xchacha20Poly1305 = create({
  name: 'leaf.xchacha20poly1305',
  text: 'XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with a key that both sides have. encrypted_data is a random nonce of 24 bytes, then the cipher text with its tag of 16 bytes.',
  freshBytes: 24,
  cipher: (key, nonce, associated) => xchacha20poly1305(key, nonce, associated),
})

/** For platforms that want AES: each component has a key of its own, so that nonces never meet. */
export const aes256Gcm = create({
  name: 'leaf.aes256gcm',
  text: 'AES-256-GCM (NIST SP 800-38D) with a key that both sides have. encrypted_data is a random salt of 32 bytes, then the cipher text with its tag of 16 bytes. Key and nonce of a component are the first 32 and the next 12 bytes of HKDF-SHA256 with the shared key, that salt, and the text "leaf.aes256gcm".',
  freshBytes: 32,
  cipher: (key, salt, associated) => {
    const derived = hkdf(sha256, key, salt, encoder.encode('leaf.aes256gcm'), keyBytes + 12)
    return gcm(derived.subarray(0, keyBytes), derived.subarray(keyBytes), associated)
  },
})
