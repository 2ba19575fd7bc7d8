/** Parameters and rows of queries as values of JavaScript, typed by how a module declares them. */
import { FieldError } from './fields.ts'
import type { ParamKind } from './module.ts'
import type { SqlParam, SqlRow } from './sql-value.ts'

/** A value of SQL as JavaScript has it. Integers beyond ±(2^53 − 1) are `bigint`. */
export type Plain = null | number | bigint | string | Uint8Array

/** What a parameter can be given as: a plain value (whole numbers are INTEGER, others REAL) or one that says its kind. */
export type ParamInput = Plain | SqlParam

/** A kind, with `?` when it may be missing or null. */
export type KindText = ParamKind | `${ParamKind}?`

type PlainOf<Kind extends string> = Kind extends 'integer'
  ? number
  : Kind extends 'real'
    ? number
    : Kind extends 'text'
      ? string
      : Kind extends 'blob'
        ? Uint8Array
        : Plain

type Optional<Shape> = {
  [Name in keyof Shape]: Shape[Name] extends `${string}?` ? Name : never
}[keyof Shape]

/** The parameters of a query that are declared so: `{ room: 'text', end: 'integer?' }`. */
export type ParamsOf<Shape extends Readonly<Record<string, KindText>>> = {
  readonly [Name in Exclude<keyof Shape, Optional<Shape>>]: PlainOf<Shape[Name]>
} & {
  readonly [Name in Optional<Shape>]?: (Shape[Name] extends `${infer Kind}?` ? PlainOf<Kind> : never) | null
}

/** A row whose columns are declared so. */
export type RowOf<Shape extends Readonly<Record<string, KindText>>> = {
  readonly [Name in keyof Shape]: Shape[Name] extends `${infer Kind}?`
    ? PlainOf<Kind> | null
    : PlainOf<Shape[Name]>
}

/** Columns by name. */
export type PlainRow = Readonly<Record<string, Plain>>

/** What is asked of a stream. With `read`, rows come as it gives them. */
export interface QueryInput<Row = PlainRow> {
  readonly name: string
  readonly params?: Readonly<Record<string, ParamInput | undefined>>
  /** From which idx, inclusive; what it means is the query's matter. */
  readonly start?: number
  readonly limit?: number
  readonly read?: (row: SqlRow) => Row
}

/** Tells which kind of SQL value a plain one is. Throws FieldError for NaN and infinities. */
export function toSqlParam(value: ParamInput, where: string): SqlParam {
  if (value === null) return { kind: 'null' }
  if (typeof value === 'string') return { kind: 'text', value }
  if (typeof value === 'bigint') return { kind: 'integer', value }
  if (value instanceof Uint8Array) return { kind: 'blob', value }
  if (typeof value !== 'number') return value
  if (!Number.isFinite(value)) throw new FieldError(where, 'a finite number', String(value))
  return Number.isSafeInteger(value) ? { kind: 'integer', value: BigInt(value) } : { kind: 'real', value }
}

/** A value of SQL as JavaScript has it. */
export function toPlain(value: SqlParam): Plain {
  if (value.kind === 'null') return null
  if (value.kind !== 'integer') return value.value
  const number = Number(value.value)
  return Number.isSafeInteger(number) ? number : value.value
}

/** A row with every column as JavaScript has it. */
export function plainRow(row: SqlRow): PlainRow {
  return Object.fromEntries([...row].map(([name, value]) => [name, toPlain(value)]))
}

/**
 * Reads rows whose columns are declared: every one there, and of its kind. An integer may stand for a real. Throws
 * FieldError with the column, also for an integer beyond 2^53.
 */
export function rowReader<Shape extends Readonly<Record<string, KindText>>>(
  shape: Shape,
): (row: SqlRow) => RowOf<Shape> {
  const columns = Object.entries(shape)
  return row => {
    const read: Record<string, Plain> = {}
    for (const [name, kind] of columns) {
      const value = row.get(name)
      if (value === undefined || !fits(value, kind)) throw new FieldError(name, kind, value?.kind)
      read[name] = toPlain(value)
      if (typeof read[name] === 'bigint' && !kind.startsWith('any'))
        throw new FieldError(name, 'an integer within 2^53', read[name])
    }
    // Checked above, column by column.
    return read as RowOf<Shape>
  }
}

function fits(value: SqlParam, kind: KindText): boolean {
  if (kind.startsWith('any')) return true
  if (value.kind === 'null') return kind.endsWith('?')
  return kind.startsWith(value.kind) || (value.kind === 'integer' && kind.startsWith('real'))
}
