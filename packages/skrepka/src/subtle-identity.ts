/** An identity whose keys the platform holds (WebCrypto) and nobody can read. */
import { ed25519 } from '@noble/curves/ed25519.js'
import { MalformedError } from './errors.ts'
import { type Identity, publicPart, seedBytes } from './identity.ts'

/** What of WebCrypto is used; `crypto.subtle` in browsers and in Node. */
export type Subtle = Pick<SubtleCrypto, 'importKey' | 'sign' | 'deriveBits'>

/** Two keys that cannot be exported; browsers store them in IndexedDB as they are. */
export interface SubtleKeys {
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array
  readonly signing: CryptoKey
  readonly agreement: CryptoKey
}

/** PKCS #8 around a 32-byte key of one of the two curves (RFC 8410): everything before the key. */
const pkcs8 = {
  Ed25519: [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20],
  X25519: [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20],
} as const

/**
 * Puts a seed into the platform's keeping. Undefined where the platform has no Ed25519 or X25519. The caller should
 * forget the seed afterwards: it cannot be got back from the keys.
 */
export async function importSubtleKeys(subtle: Subtle, seed: Uint8Array): Promise<SubtleKeys | undefined> {
  if (seed.length !== seedBytes)
    throw new MalformedError(`expected a seed of ${seedBytes} bytes, got ${seed.length}`, 0)
  try {
    const signing = await importPrivate(subtle, 'Ed25519', seed, ['sign'])
    const agreement = await importPrivate(subtle, 'X25519', ed25519.utils.toMontgomerySecret(seed), [
      'deriveBits',
    ])
    return { publicKey: ed25519.getPublicKey(seed), signing, agreement }
  } catch {
    return undefined // older engines know neither curve
  }
}

function importPrivate(subtle: Subtle, name: 'Ed25519' | 'X25519', secret: Uint8Array, usages: KeyUsage[]) {
  return subtle.importKey('pkcs8', Uint8Array.from([...pkcs8[name], ...secret]), { name }, false, usages)
}

/** The identity that such keys are. */
export function subtleIdentity(subtle: Subtle, keys: SubtleKeys): Identity {
  return {
    ...publicPart(keys.publicKey),
    sign: async message =>
      new Uint8Array(await subtle.sign('Ed25519', keys.signing, Uint8Array.from(message))),
    agree: async publicKey => {
      try {
        const other = await subtle.importKey('raw', Uint8Array.from(publicKey), 'X25519', false, [])
        return new Uint8Array(await subtle.deriveBits({ name: 'X25519', public: other }, keys.agreement, 256))
      } catch (cause) {
        throw new MalformedError(
          `expected an X25519 public key that shares a secret, got one that does not (${String(cause)})`,
          0,
        )
      }
    },
  }
}
