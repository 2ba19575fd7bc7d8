/** DRISL as JSON text, with upstream's spelling: keys bytewise, bytes as arrays of integers, floats with a point. */
import { type DrislValue, isArray, isCid, isFloat, cidText } from '@leaf/codec/drisl'

/** The JSON text of a value. */
export function jsonOf(value: DrislValue): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Uint8Array) return `[${value.join(',')}]`
  if (isFloat(value)) return floatText(value.value)
  if (isCid(value)) return `{"/":${JSON.stringify(cidText(value))}}`
  if (isArray(value)) return `[${value.map(jsonOf).join(',')}]`
  const entries = Object.entries(value).sort(([a], [b]) => compareCodePoints(a, b))
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${jsonOf(item)}`).join(',')}}`
}

/** Code points are ordered as their UTF-8 bytes are; UTF-16 units are not. */
function compareCodePoints(a: string, b: string): number {
  for (let index = 0; index < a.length && index < b.length; index += 1) {
    if (a.charCodeAt(index) !== b.charCodeAt(index))
      return (a.codePointAt(index) ?? 0) - (b.codePointAt(index) ?? 0)
  }
  return a.length - b.length
}

const leastPlain = 1e-5
const leastExponent = 1e16

function floatText(value: number): string {
  const size = Math.abs(value)
  if (size !== 0 && (size < leastPlain || size >= leastExponent))
    return value.toExponential().replace('e+', 'e')
  const text = Object.is(value, -0) ? '-0' : plainDecimal(value)
  return text.includes('.') ? text : `${text}.0`
}

/** A number in decimal, never with an exponent: `1`, `0.0000001`. */
export function plainDecimal(value: number): string {
  const [digits = '', exponent] = String(value).split('e')
  if (exponent === undefined) return digits
  const sign = digits.startsWith('-') ? '-' : ''
  const [whole = '', fraction = ''] = digits.replace('-', '').split('.')
  const shift = Number(exponent)
  const all = whole + fraction
  const point = whole.length + shift
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${all}`
  return `${sign}${all.padEnd(point, '0')}`
}
