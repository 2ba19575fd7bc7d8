import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import type { KeyHex } from '../../server/skrepka/contract.ts'

/** Somebody with an Ed25519 key. */
export interface Person {
  readonly key: KeyHex
  /** A signature over the text's UTF-8 bytes, as hex. */
  readonly sign: (text: string) => string
}

const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const seedBytes = 32

/** The person of this name: the same key each time. Names differ within their first 32 characters. */
export function createPerson(name: string): Person {
  const seed = Buffer.alloc(seedBytes)
  seed.write(name)
  const privateKey = createPrivateKey({
    key: Buffer.concat([privatePrefix, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    key: der.subarray(-32).toString('hex'),
    sign: text => sign(null, Buffer.from(text), privateKey).toString('hex'),
  }
}
