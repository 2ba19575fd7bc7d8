import { hash } from 'node:crypto'
import type { Sha256 } from '@leaf/atproto/cid'

const digestBytes = 32

/** SHA-256 by the platform. By way of a string: a Buffer of its own costs as much again as the hash itself. */
export const sha256: Sha256 = bytes => {
  const text = hash('sha256', bytes, 'binary')
  const digest = new Uint8Array(digestBytes)
  for (let index = 0; index < digestBytes; index += 1) digest[index] = text.charCodeAt(index)
  return digest
}
