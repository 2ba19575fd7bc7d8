/** JSON Web Tokens in compact form: taking apart and putting together. What a claim means is decided elsewhere. */

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
