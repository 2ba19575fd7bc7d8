/** Reads the fields of decoded maps, and says which one is wrong and how. */
import { type DrislMap, type DrislValue, isArray, isCid, isFloat, isMap } from '@leaf/codec/drisl'
import { MalformedError } from '@leaf/codec/errors'

/** A field is not what it has to be: DRISL that is right in itself, and yet no such request. Its offset is 0. */
export class FieldError extends MalformedError {
  /** Where, as `query.params.room`. */
  readonly field: string

  constructor(field: string, expected: string, got: DrislValue | undefined) {
    super('', 0)
    this.field = field
    this.message = `${field}: expected ${expected}, got ${nameOf(got)}`
  }
}

/** A name below another: `query` and `limit` give `query.limit`. */
export function below(where: string, name: string): string {
  return where === '' ? name : `${where}.${name}`
}

export function asMap(value: DrislValue | undefined, where: string): DrislMap {
  if (!isMap(value)) throw new FieldError(where, 'a map', value)
  return value
}

export function asArray(value: DrislValue | undefined, where: string): readonly DrislValue[] {
  if (!isArray(value)) throw new FieldError(where, 'an array', value)
  return value
}

export function asText(value: DrislValue | undefined, where: string): string {
  if (typeof value !== 'string') throw new FieldError(where, 'text', value)
  return value
}

/** Absent and null are the same. */
export function asTextOrNull(value: DrislValue | undefined, where: string): string | null {
  return value === undefined || value === null ? null : asText(value, where)
}

export function asBytes(value: DrislValue | undefined, where: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new FieldError(where, 'bytes', value)
  return value
}

export function asBoolean(value: DrislValue | undefined, where: string): boolean {
  if (typeof value !== 'boolean') throw new FieldError(where, 'true or false', value)
  return value
}

/** Within ±(2^53 − 1). */
export function asInteger(value: DrislValue | undefined, where: string): number {
  if (typeof value !== 'number') throw new FieldError(where, 'an integer within 2^53', value)
  return value
}

const shownMax = 40

/** What came, in words; of text and integers also the value, cut short. */
function nameOf(value: DrislValue | undefined): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (typeof value === 'string') return `text ${JSON.stringify(cutShort(value))}`
  if (typeof value === 'number' || typeof value === 'bigint') return `the integer ${value}`
  if (typeof value === 'boolean') return `${value}`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (isFloat(value)) return `the float ${value.value}`
  if (isCid(value)) return 'a CID'
  return isArray(value) ? 'an array' : 'a map'
}

function cutShort(text: string): string {
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text
}
