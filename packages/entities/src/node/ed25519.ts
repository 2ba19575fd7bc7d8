import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { Ed25519 } from '../crypto.ts'

/** What stands before the raw key in its DER forms. RFC 8410. */
const seedPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const keyPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** Imported keys that are remembered: importing costs as much as half a verification. */
const keysMax = 1024

/** OpenSSL's Ed25519. */
export function createNodeEd25519(): Ed25519 {
  const publicKeys = new Map<string, KeyObject | undefined>()
  const privateKeys = new WeakMap<Uint8Array, KeyObject>()

  const privateKeyOf = (seed: Uint8Array): KeyObject => {
    const known = privateKeys.get(seed)
    if (known !== undefined) return known
    const key = createPrivateKey({
      key: Buffer.concat([seedPrefix, seed]),
      format: 'der',
      type: 'pkcs8',
    })
    privateKeys.set(seed, key)
    return key
  }
  const publicKeyOf = (raw: Uint8Array): KeyObject | undefined => {
    const name = Buffer.from(raw).toString('latin1')
    if (publicKeys.has(name)) return publicKeys.get(name)
    let key: KeyObject | undefined
    try {
      key = createPublicKey({ key: Buffer.concat([keyPrefix, raw]), format: 'der', type: 'spki' })
    } catch {
      key = undefined
    }
    const oldest = publicKeys.size >= keysMax ? publicKeys.keys().next().value : undefined
    if (oldest !== undefined) publicKeys.delete(oldest)
    publicKeys.set(name, key)
    return key
  }

  return {
    publicKeyOf: async seed => {
      const der = createPublicKey(privateKeyOf(seed)).export({ format: 'der', type: 'spki' })
      return new Uint8Array(der.subarray(keyPrefix.length))
    },
    sign: async (pair, message) => new Uint8Array(sign(null, message, privateKeyOf(pair.secretKey))),
    verify: (raw, message, signature) => {
      const key = publicKeyOf(raw)
      if (key === undefined) return Promise.resolve(false)
      // With a callback it runs on another thread, several at a time.
      return new Promise((resolve, reject) => {
        verify(null, message, key, signature, (error, valid) =>
          error === null ? resolve(valid) : reject(error),
        )
      })
    },
  }
}
