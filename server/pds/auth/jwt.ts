/** JSON Web Tokens in compact form: taking apart, and HS256. What a claim means is decided elsewhere. */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** The longest token that is looked at. */
export const jwtCharsMax = 8_192

/** A JWT taken apart, not verified. */
export interface ParsedJwt {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  /** Header and payload as they were signed. */
  readonly signed: string
  readonly signature: Uint8Array
}

/** Takes a compact JWT apart; undefined when it is none. Checks no signature. */
export function parseJwt(token: string): ParsedJwt | undefined {
  if (token.length > jwtCharsMax) return undefined
  const [head, body, tail, ...rest] = token.split('.')
  if (!head || !body || tail === undefined || rest.length > 0) return undefined
  const header = jsonObject(head)
  const payload = jsonObject(body)
  if (header === undefined || payload === undefined) return undefined
  return { header, payload, signed: `${head}.${body}`, signature: Buffer.from(tail, 'base64url') }
}

/** A header or payload as one part of a JWT. */
export function jwtPart(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** Signs `signed` (header and payload) with HMAC-SHA256 and gives the whole token. */
export function signHs256(signed: string, key: KeyObject): string {
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}

/** Whether `signature` is the HMAC-SHA256 of `signed`; in constant time. */
export function isHs256(signed: string, signature: Uint8Array, key: KeyObject): boolean {
  const expected = createHmac('sha256', key).update(signed).digest()
  return signature.length === expected.length && timingSafeEqual(signature, expected)
}

function jsonObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    // Checked here: an object, not an array.
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined // not JSON: the caller says so in its own words
  }
}
