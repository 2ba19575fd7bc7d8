/** Values of SQL on the wire: `{"$type": "muni.town.sqliteValue.…", "value": …}`. */
import {
  type DrislInput,
  type DrislValue,
  encodeDrisl,
  float,
  isFloat,
  isMap,
  rawDrisl,
} from '@leaf/codec/drisl'
import { asArray, asBytes, asMap, asText, below, FieldError } from './fields.ts'

/** A value of SQL. A REAL is told from an INTEGER, also when it is whole. Integers have 64 bits. */
export type SqlParam =
  | { readonly kind: 'null' }
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'real'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'blob'; readonly value: Uint8Array }

/** One row of an answer, by the names of its columns. */
export type SqlRow = ReadonlyMap<string, SqlParam>

const prefix = 'muni.town.sqliteValue.'
const integerMin = -(2n ** 63n)
const integerMax = 2n ** 63n - 1n
const nullValue = rawDrisl(encodeDrisl({ $type: `${prefix}null` }))

/**
 * For the wire. Integers beyond ±(2^53 − 1) are written as they are; clients that read with @atcute/cbor cannot decode
 * a reply that has one.
 */
export function encodeSqlValue(value: SqlParam): DrislInput {
  if (value.kind === 'null') return nullValue
  return { $type: prefix + value.kind, value: value.kind === 'real' ? float(value.value) : value.value }
}

/**
 * From the wire. A real may be written as an integer (clients in JavaScript do). Throws FieldError for everything else
 * that is not exactly a value, and for integers beyond 64 bits.
 */
export function decodeSqlValue(value: DrislValue | undefined, where: string): SqlParam {
  const map = asMap(value, where)
  const type = asText(map['$type'], below(where, '$type'))
  const inner = map['value']
  const at = below(where, 'value')
  switch (type) {
    case `${prefix}null`:
      return { kind: 'null' }
    case `${prefix}integer`:
      return { kind: 'integer', value: decodeInteger(inner, at) }
    case `${prefix}real`:
      return { kind: 'real', value: isFloat(inner) ? inner.value : Number(decodeInteger(inner, at)) }
    case `${prefix}text`:
      return { kind: 'text', value: asText(inner, at) }
    case `${prefix}blob`:
      return { kind: 'blob', value: asBytes(inner, at) }
    default:
      throw new FieldError(below(where, '$type'), `${prefix}{null|integer|real|text|blob}`, type)
  }
}

/** The rows of an answer. Throws FieldError. */
export function decodeRows(value: DrislValue | undefined, where = 'rows'): SqlRow[] {
  return asArray(value, where).map((row, index) => {
    const at = below(where, String(index))
    if (!isMap(row)) throw new FieldError(at, 'a map from columns to values', row)
    return new Map(
      Object.entries(row).map(([name, column]) => [name, decodeSqlValue(column, below(at, name))]),
    )
  })
}

function decodeInteger(value: DrislValue | undefined, where: string): bigint {
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw new FieldError(where, 'an integer of 64 bits', value)
  const integer = BigInt(value)
  if (integer < integerMin || integer > integerMax)
    throw new FieldError(where, 'an integer of 64 bits', value)
  return integer
}
