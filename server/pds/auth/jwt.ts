/** HMAC-SHA256 on JSON Web Tokens: the tokens that this server gives to itself. */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** Signs `signed` (header and payload) with HMAC-SHA256 and gives the whole token. */
export function signHs256(signed: string, key: KeyObject): string {
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}

/** Whether `signature` is the HMAC-SHA256 of `signed`; in constant time. */
export function isHs256(signed: string, signature: Uint8Array, key: KeyObject): boolean {
  const expected = createHmac('sha256', key).update(signed).digest()
  return signature.length === expected.length && timingSafeEqual(signature, expected)
}
