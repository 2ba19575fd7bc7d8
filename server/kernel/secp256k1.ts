/**
 * secp256k1 by libsecp256k1 (prebuilt for the common platforms), else by OpenSSL. Messages are hashed with SHA-256 here,
 * signatures are 64 bytes `r ‖ s`, public keys compressed points of 33 bytes.
 */
import { createECDH, createPrivateKey, createPublicKey, ECDH, hash, sign, verify } from 'node:crypto'
import { createRequire } from 'node:module'
import { isLowS, normalizeS } from './low-s.ts'

export interface Secp256k1 {
  readonly engine: 'libsecp256k1' | 'openssl'
  /** Whether 32 bytes are a private key: neither zero nor the group's order or above. */
  isSecret(secret: Uint8Array): boolean
  publicKey(secret: Uint8Array): Uint8Array
  /** Low S. By libsecp256k1 also deterministic (RFC 6979), 8 times as fast. */
  sign(message: Uint8Array, secret: Uint8Array): Uint8Array
  /** Refuses high S. Malformed points and signatures are `false`, never an error. */
  verify(message: Uint8Array, signature: Uint8Array, point: Uint8Array): boolean
}

/** What this file uses of the package's native bindings. */
interface Bindings {
  privateKeyVerify(secret: Uint8Array): boolean
  publicKeyCreate(secret: Uint8Array, compressed: boolean): Uint8Array
  publicKeyVerify(point: Uint8Array): boolean
  ecdsaSign(message: Uint8Array, secret: Uint8Array): { readonly signature: Uint8Array }
  ecdsaVerify(signature: Uint8Array, message: Uint8Array, point: Uint8Array): boolean
}

function isBindings(value: unknown): value is Bindings {
  if (typeof value !== 'object' || value === null) return false
  const names = ['privateKeyVerify', 'publicKeyCreate', 'publicKeyVerify', 'ecdsaSign', 'ecdsaVerify']
  return names.every(name => typeof Reflect.get(value, name) === 'function')
}

/** The fastest engine that this platform has. The package's own JavaScript fallback is slow and is never loaded. */
export const secp256k1: Secp256k1 = nativeEngine() ?? opensslEngine()

function nativeEngine(): Secp256k1 | undefined {
  let native: unknown
  try {
    native = createRequire(import.meta.url)('secp256k1/bindings.js')
  } catch {
    return undefined // no prebuilt binary for this platform
  }
  if (!isBindings(native)) return undefined
  const bindings = native
  return {
    engine: 'libsecp256k1',
    isSecret: secret => secret.length === 32 && bindings.privateKeyVerify(secret),
    publicKey: secret => bindings.publicKeyCreate(secret, true),
    sign: (message, secret) => bindings.ecdsaSign(sha256(message), secret).signature,
    verify: (message, signature, point) => {
      if (signature.length !== 64 || !isLowS('k256', signature)) return false
      try {
        return bindings.ecdsaVerify(signature, sha256(message), point)
      } catch {
        return false // r or s out of range, or a point that is not on the curve
      }
    },
  }
}

const sha256 = (message: Uint8Array) => hash('sha256', message, 'buffer')

const order = Buffer.from('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141', 'hex')
/** DER before a private key's 32 bytes (SEC 1) and before a public point's 33 bytes (SubjectPublicKeyInfo). */
const secretHead = Buffer.from('302e0201010420', 'hex')
const secretTail = Buffer.from('a00706052b8104000a', 'hex')
const publicHead = Buffer.from('3036301006072a8648ce3d020106052b8104000a032200', 'hex')

/** For platforms without a prebuilt binary. */
export function opensslEngine(): Secp256k1 {
  return {
    engine: 'openssl',
    isSecret: secret => secret.length === 32 && secret.some(byte => byte !== 0) && order.compare(secret) > 0,
    publicKey: secret => {
      const ecdh = createECDH('secp256k1')
      ecdh.setPrivateKey(secret)
      return ecdh.getPublicKey(null, 'compressed')
    },
    sign: (message, secret) => {
      const der = Buffer.concat([secretHead, secret, secretTail])
      const key = createPrivateKey({ key: der, format: 'der', type: 'sec1' })
      return normalizeS('k256', sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }))
    },
    verify: (message, signature, point) => {
      if (signature.length !== 64 || !isLowS('k256', signature)) return false
      try {
        ECDH.convertKey(point, 'secp256k1')
        const der = Buffer.concat([publicHead, point])
        const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
        return verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)
      } catch {
        return false // a point that is not on the curve
      }
    },
  }
}
