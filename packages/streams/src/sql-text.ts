/** How values of DRISL and SQL become SQL values and text, as module authors see them. */
import { cidText, type DrislValue, isArray, isCid, isFloat, isMap } from '@leaf/codec/drisl'
import type { SqlParam } from './sql-value.ts'

/**
 * What `drisl_extract` gives. Integers beyond 64 bits wrap around; a CID gives its 36 bytes; maps and arrays give JSON.
 */
export function toSql(value: DrislValue | undefined): SqlParam {
  if (value === undefined || value === null) return { kind: 'null' }
  if (typeof value === 'string') return { kind: 'text', value }
  if (typeof value === 'boolean') return { kind: 'integer', value: value ? 1n : 0n }
  if (typeof value === 'number' || typeof value === 'bigint')
    return { kind: 'integer', value: BigInt.asIntN(64, BigInt(value)) }
  if (isFloat(value)) return { kind: 'real', value: value.value }
  if (value instanceof Uint8Array) return { kind: 'blob', value }
  if (isCid(value)) return { kind: 'blob', value: value.bytes }
  return { kind: 'text', value: toJson(value) }
}

/** Keys in the order of their bytes, bytes as arrays of integers, CIDs as `{"/":"bafy…"}`, floats always with a point or an exponent. */
export function toJson(value: DrislValue): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'bigint')
    return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (isFloat(value)) return floatJson(value.value)
  if (value instanceof Uint8Array) return `[${value.join(',')}]`
  if (isCid(value)) return `{"/":"${cidText(value)}"}`
  if (isArray(value)) return `[${value.map(toJson).join(',')}]`
  if (!isMap(value)) return 'null'
  const entries = Object.entries(value).sort(([a], [b]) => compareCodePoints(a, b))
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${toJson(one)}`).join(',')}}`
}

/** The text of `unauthorized(…)` and `throw(…)`: their arguments, one blank between them. */
export function joinArguments(values: readonly SqlParam[]): string {
  return values.map(argumentText).join(' ')
}

function argumentText(value: SqlParam): string {
  switch (value.kind) {
    case 'null':
      return 'NULL'
    case 'integer':
      return value.value.toString()
    case 'real':
      return floatText(value.value)
    case 'text':
      return value.value
    case 'blob':
      return [...value.value].map(byte => byte.toString(16).padStart(2, '0').toUpperCase()).join('')
  }
}

function floatJson(value: number): string {
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-5 || size >= 1e16)) return value.toExponential().replace('e+', 'e')
  const text = floatText(value)
  return text.includes('.') ? text : `${text}.0`
}

/** Never with an exponent. */
function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0'
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value < 0 ? '-inf' : 'inf'
  const [digits = '', exponent = '0'] = Math.abs(value).toExponential().split('e')
  const [whole = '', fraction = ''] = digits.split('.')
  const all = whole + fraction
  const point = 1 + Number(exponent)
  const sign = value < 0 ? '-' : ''
  if (point <= 0) return value === 0 ? '0' : `${sign}0.${'0'.repeat(-point)}${all}`
  if (point >= all.length) return sign + all + '0'.repeat(point - all.length)
  return `${sign}${all.slice(0, point)}.${all.slice(point)}`
}

/** Code points are ordered as their UTF-8 bytes are; UTF-16 units are not. */
function compareCodePoints(a: string, b: string): number {
  for (let index = 0; index < a.length && index < b.length; index += 1) {
    if (a.charCodeAt(index) !== b.charCodeAt(index))
      return (a.codePointAt(index) ?? 0) - (b.codePointAt(index) ?? 0)
  }
  return a.length - b.length
}
