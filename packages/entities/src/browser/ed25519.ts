/** Ed25519 in browsers: WebCrypto where it has it, else in JavaScript, which is ten times slower. */
import { ed25519 } from '@noble/curves/ed25519.js'
import type { Ed25519 } from '../crypto.ts'

/** What stands before the raw seed in PKCS #8. RFC 8410. */
const seedPrefix = Uint8Array.of(
  0x30,
  0x2e,
  0x02,
  0x01,
  0x00,
  0x30,
  0x05,
  0x06,
  0x03,
  0x2b,
  0x65,
  0x70,
  0x04,
  0x22,
  0x04,
  0x20,
)
const keysMax = 1024

/** In JavaScript alone. */
export function createPlainEd25519(): Ed25519 {
  return {
    publicKeyOf: async seed => ed25519.getPublicKey(seed),
    sign: async ({ secretKey }, message) => ed25519.sign(message, secretKey),
    verify: async (publicKey, message, signature) => {
      try {
        return ed25519.verify(signature, message, publicKey, { zip215: false })
      } catch {
        // Bytes that are no point verify nothing.
        return false
      }
    },
  }
}

/** WebCrypto's, if this browser has it. */
export async function createBrowserEd25519(subtle: SubtleCrypto): Promise<Ed25519> {
  const plain = createPlainEd25519()
  const name = 'Ed25519'
  const privateKeys = new WeakMap<Uint8Array, Promise<CryptoKey>>()
  const publicKeys = new Map<string, Promise<CryptoKey | undefined>>()
  const privateKeyOf = (seed: Uint8Array) => {
    const known = privateKeys.get(seed)
    if (known !== undefined) return known
    const key = subtle.importKey('pkcs8', Uint8Array.from([...seedPrefix, ...seed]), name, false, ['sign'])
    privateKeys.set(seed, key)
    return key
  }
  const publicKeyOf = (raw: Uint8Array) => {
    const text = String.fromCharCode(...raw)
    const known = publicKeys.get(text)
    if (known !== undefined) return known
    const key = subtle.importKey('raw', raw.slice(), name, false, ['verify']).catch(() => undefined)
    const oldest = publicKeys.size >= keysMax ? publicKeys.keys().next().value : undefined
    if (oldest !== undefined) publicKeys.delete(oldest)
    publicKeys.set(text, key)
    return key
  }
  const native: Ed25519 = {
    // WebCrypto gives no public key of a private one.
    publicKeyOf: plain.publicKeyOf,
    sign: async ({ secretKey }, message) =>
      new Uint8Array(await subtle.sign(name, await privateKeyOf(secretKey), message.slice())),
    verify: async (raw, message, signature) => {
      const key = await publicKeyOf(raw)
      return key !== undefined && (await subtle.verify(name, key, signature.slice(), message.slice()))
    },
  }
  try {
    await privateKeyOf(new Uint8Array(32).fill(1))
    return native
  } catch {
    // A browser that does not know the algorithm says so here.
    return plain
  }
}
