/** Encryption of single components: what an algorithm is, and the envelope that all of ours share. */
import { MalformedError } from '@leaf/codec/errors'
import { william3 } from '@leaf/codec/william3'
import type { ObjectId } from '../leaf/objects.ts'
import type { Specified } from '../leaf/specification.ts'

/** A key that the library holds or is given. */
export type EncryptionKey =
  | { readonly kind: 'secret'; readonly key: Uint8Array }
  /** X25519. To encrypt the public key is enough. */
  | { readonly kind: 'recipient'; readonly publicKey: Uint8Array; readonly secretKey?: Uint8Array }

/** 32 bytes for a key: which one it is, without telling it. */
export type KeyId = Uint8Array

export interface EncryptionAlgorithm extends Specified {
  /** The id that components name for this key; undefined when the key is not of this algorithm's kind. */
  keyIdOf(key: EncryptionKey): KeyId | undefined
  /** Encrypts the bytes of a ComponentData. `random` gives bytes of the platform's generator. */
  encrypt(key: EncryptionKey, plain: Uint8Array, random: (length: number) => Uint8Array): Uint8Array
  /** Undefined: not by this key, or changed since. Never throws for what a stranger may have sent. */
  decrypt(key: EncryptionKey, sealed: Uint8Array): Uint8Array | undefined
}

const encoder = new TextEncoder()
const label = encoder.encode('leaf/component/1')
const keyLabel = encoder.encode('leaf/key-id/1')

/** What is authenticated beside the text: algorithm and key, but not the place, so that components can move. */
export function associatedData(algorithm: ObjectId, keyId: KeyId): Uint8Array {
  return concat(label, algorithm, keyId)
}

/** The id of a secret key. */
export function secretKeyId(key: Uint8Array): KeyId {
  return william3(concat(keyLabel, key))
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/**
 * The plain text with its length in front and zeros after it, up to the next size of PADMÉ: sizes then tell at most
 * O(log log n) bits, at a cost of at most 12 %. https://arxiv.org/abs/1806.03160
 */
export function pad(plain: Uint8Array): Uint8Array {
  const padded = new Uint8Array(padme(plain.length + 4))
  new DataView(padded.buffer).setUint32(0, plain.length, true)
  padded.set(plain, 4)
  return padded
}

/** What `pad` was given. Throws MalformedError for anything that it does not give. */
export function unpad(padded: Uint8Array): Uint8Array {
  if (padded.length < 4) throw new MalformedError('expected a length of four bytes', 0)
  const length = new DataView(padded.buffer, padded.byteOffset).getUint32(0, true)
  if (padme(length + 4) !== padded.length) throw new MalformedError('expected padding to the next size', 0)
  const rest = padded.findIndex((byte, at) => at >= length + 4 && byte !== 0)
  if (rest >= 0) throw new MalformedError('expected zeros after the text', rest)
  return padded.slice(4, 4 + length)
}

function padme(length: number): number {
  const least = Math.max(length, 32)
  const exponent = 31 - Math.clz32(least)
  const bits = 32 - Math.clz32(exponent)
  const step = 2 ** (exponent - bits)
  return Math.ceil(least / step) * step
}
