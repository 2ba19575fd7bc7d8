/** What validation finds wrong, and where, in the reference's words. */

/** A fault; whoever looked into a member adds its name in front of `path`. */
export interface Fault {
  readonly message: string
  readonly path: (string | number)[]
}

export const fault = (message: string): Fault => ({ message, path: [] })

/** `Expected string value type (got 12)`. */
export const wrongType = (expected: string, got: unknown): Fault =>
  fault(`Expected ${expected} value type (got ${preview(got)})`)

/** `Expected one of … (got …)`. */
export const wrongValue = (expected: readonly unknown[], got: unknown): Fault =>
  fault(
    `Expected ${expected.length === 1 ? preview(expected[0]) : `one of ${expected.map(preview).join(', ')}`} (got ${preview(got)})`,
  )

export const tooBig = (what: string, maximum: number, actual: number): Fault =>
  fault(`${what} too big (maximum ${maximum}, got ${actual})`)

export const tooSmall = (what: string, minimum: number, actual: number): Fault =>
  fault(`${what} too small (minimum ${minimum}, got ${actual})`)

/** The fault as a sentence; `at` names what was validated. */
export function sentenceOf(found: Fault, at: readonly (string | number)[] = []): string {
  return `${found.message} at $${[...at, ...found.path].map(segment).join('')}`
}

const previewCharsMax = 64

function preview(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'object' && value !== null) return 'object'
  if (typeof value !== 'string') return String(value)
  return JSON.stringify(value.length > previewCharsMax ? `${value.slice(0, previewCharsMax)}…` : value)
}

function segment(part: string | number): string {
  if (typeof part === 'number') return `[${part}]`
  return /^[a-zA-Z_$][a-zA-Z0-9_]*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`
}
