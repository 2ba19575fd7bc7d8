/** Rows of an answer, written as DRISL while they are read: nobody builds objects of them on the way. */
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import { compareKeys, encodeDrisl } from '@leaf/codec/drisl'
import { ModuleError, moduleErrorText } from './errors.ts'

export interface RowLimits {
  readonly rowsMax: number
  readonly bytesMax: number
}

export interface Rows {
  readonly count: number
  /** An array of maps from column to SqlValue. */
  readonly drisl: Uint8Array
}

/** A query with its statements prepared. */
export type PreparedQuery = (values: Record<string, SQLInputValue>, limits: RowLimits) => Rows

interface Column {
  readonly index: number
  readonly name: string
  /** The name as a key. */
  readonly key: Uint8Array
}

const types = 'muni.town.sqliteValue'
/** A map with a type and a value begins so. The keys are of one length, and `$type` is first. */
const opened = (type: string) =>
  Buffer.concat([
    Buffer.from([0xa2]),
    encodeDrisl('$type'),
    encodeDrisl(`${types}.${type}`),
    encodeDrisl('value'),
  ])
const integerHead = opened('integer')
const realHead = opened('real')
const textHead = opened('text')
const blobHead = opened('blob')
const nullMap = Buffer.from(encodeDrisl({ $type: `${types}.null` }))

/** The columns of a statement in the order of their keys; of two with one name the last stands. */
export function columnsOf(statement: StatementSync): readonly Column[] {
  const byName = new Map<string, number>()
  for (const [index, column] of statement.columns().entries()) byName.set(column.name, index)
  return [...byName]
    .map(([name, index]) => ({ name, index, key: encodeDrisl(name) }))
    .sort((a, b) => compareKeys(a.name, b.name))
}

/** Reads rows of arrays (integers as bigint) to the end. Throws ModuleError past a limit, and for what DRISL cannot say. */
export function writeRows(
  rows: Iterable<unknown>,
  columns: readonly Column[],
  { rowsMax, bytesMax }: RowLimits,
): Rows {
  const writer = createWriter(bytesMax)
  let count = 0
  for (const row of rows) {
    count += 1
    if (count > rowsMax) throw tooMuch(`${rowsMax} rows`)
    if (!Array.isArray(row)) throw new Error('expected a row as an array')
    writer.head(5, columns.length)
    for (const { index, name, key } of columns) {
      writer.append(key)
      writeValue(writer, row[index], name)
    }
  }
  const body = writer.taken()
  const head = createWriter(16)
  head.head(4, count)
  return { count, drisl: Buffer.concat([head.taken(), body]) }
}

const tooMuch = (bound: string) =>
  new ModuleError(moduleErrorText(`the answer has more than ${bound}; ask for less with a limit`))

function writeValue(writer: Writer, value: SQLOutputValue, column: string): void {
  if (value === null) return writer.append(nullMap)
  if (typeof value === 'bigint') {
    writer.append(integerHead)
    const number = Number(value)
    if (!Number.isSafeInteger(number))
      throw new ModuleError(
        moduleErrorText(
          `column "${column}" holds the integer ${value}, and clients can read integers up to 2^53 - 1 only; cast it to text`,
        ),
      )
    return number >= 0 ? writer.head(0, number) : writer.head(1, -1 - number)
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value))
      throw new ModuleError(
        moduleErrorText(`column "${column}" holds ${value}, which clients cannot read; cast it to text`),
      )
    writer.append(realHead)
    return writer.float(value)
  }
  if (typeof value === 'string') {
    writer.append(textHead)
    return writer.text(value)
  }
  writer.append(blobHead)
  writer.head(2, value.length)
  writer.append(value)
}

interface Writer {
  append(bytes: Uint8Array): void
  /** The head of an item: its major type, and a safe integer. */
  head(major: number, argument: number): void
  float(value: number): void
  text(value: string): void
  taken(): Uint8Array
}

const firstBytes = 4096

function createWriter(bytesMax: number): Writer {
  let buffer = Buffer.allocUnsafe(Math.min(firstBytes, bytesMax + 16))
  let at = 0
  const reserve = (more: number) => {
    if (at + more <= buffer.length) return
    // What was reserved is a little more than what is written.
    if (at + more > bytesMax + 16) throw tooMuch(`${bytesMax} bytes`)
    const larger = Buffer.allocUnsafe(Math.min(Math.max(at + more, buffer.length * 2), bytesMax + 16))
    buffer.copy(larger, 0, 0, at)
    buffer = larger
  }
  const head = (major: number, argument: number) => {
    reserve(9)
    const top = major << 5
    if (argument < 24) at = buffer.writeUInt8(top | argument, at)
    else if (argument < 0x100) at = buffer.writeUInt16BE(((top | 24) << 8) | argument, at)
    else if (argument < 0x10000) at = buffer.writeUInt16BE(argument, buffer.writeUInt8(top | 25, at))
    else if (argument < 0x100000000) at = buffer.writeUInt32BE(argument, buffer.writeUInt8(top | 26, at))
    else at = buffer.writeBigUInt64BE(BigInt(argument), buffer.writeUInt8(top | 27, at))
  }
  const append = (bytes: Uint8Array) => {
    reserve(bytes.length)
    buffer.set(bytes, at)
    at += bytes.length
  }
  return {
    append,
    head,
    float: value => {
      reserve(9)
      at = buffer.writeDoubleBE(value, buffer.writeUInt8(0xfb, at))
    },
    text: value => {
      const bytes = Buffer.byteLength(value)
      head(3, bytes)
      reserve(bytes)
      at += buffer.write(value, at)
    },
    taken: () => buffer.subarray(0, at),
  }
}
