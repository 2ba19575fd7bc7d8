/** The functions that modules have beside SQLite's own: `drisl_extract`, `drisl_exists`, `unauthorized`, `throw`. */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { decodeDrisl, type DrislValue, isCid, isFloat } from '@leaf/codec/drisl'
import { jsonOf, plainDecimal } from './json.ts'
import { type DrislPath, followPath, parsePath } from './path.ts'

type SqlOut = null | bigint | number | string | Uint8Array

/** Paths that are kept parsed; a module has some hundred. */
const pathsMax = 2000
/** Payloads that are kept decoded, the one used last first; a statement rarely looks at more rows at once. */
const decodedMax = 4

/** Makes the functions known to a connection. */
export function addFunctions(database: DatabaseSync): void {
  const find = createFinder()
  const pure = { deterministic: true }
  database.function('drisl_extract', pure, (blob: SQLOutputValue, path: SQLOutputValue): SqlOut => {
    const value = find('drisl_extract', blob, path)
    return value === undefined ? null : toSql(value)
  })
  database.function('drisl_exists', pure, (blob: SQLOutputValue, path: SQLOutputValue): SqlOut => {
    return find('drisl_exists', blob, path) === undefined ? 0n : 1n
  })
  // Not to be called from views or triggers, which might run for somebody who did not write them.
  const raising = { deterministic: true, directOnly: true, varargs: true, useBigIntArguments: true }
  database.function('unauthorized', raising, (...values: SQLOutputValue[]): SqlOut => {
    throw new Error(`Unauthorized: ${shown(values)}`)
  })
  database.function('throw', raising, (...values: SQLOutputValue[]): SqlOut => {
    throw new Error(`Exception thrown: ${shown(values)}`)
  })
}

type Finder = (name: string, blob: SQLOutputValue, path: SQLOutputValue) => DrislValue | undefined

function createFinder(): Finder {
  const paths = new Map<string, DrislPath>()
  const decoded: { bytes: Uint8Array; value: DrislValue }[] = []

  const pathOf = (text: string): DrislPath => {
    const known = paths.get(text)
    if (known !== undefined) return known
    const path = parsePath(text)
    if (paths.size >= pathsMax) paths.clear()
    paths.set(text, path)
    return path
  }

  const valueOf = (bytes: Uint8Array): DrislValue => {
    for (let index = 0; index < decoded.length; index += 1) {
      const entry = decoded[index]
      if (entry === undefined || !sameBytes(entry.bytes, bytes)) continue
      if (index > 0) {
        decoded.splice(index, 1)
        decoded.unshift(entry)
      }
      return entry.value
    }
    const entry = { bytes, value: decodeDrisl(bytes) }
    if (decoded.length >= decodedMax) decoded.pop()
    decoded.unshift(entry)
    return entry.value
  }

  return (name, blob, path) => {
    if (!(blob instanceof Uint8Array)) throw new Error(`First argument to ${name} must be blob`)
    // Upstream's spelling.
    if (typeof path !== 'string') throw new Error(`Second argument to ${name} must be sring`)
    return followPath(valueOf(blob), pathOf(path))
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}

/** Integers wrap at 64 bits, floats stay REAL, links are their bytes, maps and arrays are JSON text. */
function toSql(value: DrislValue): SqlOut {
  if (value === null || typeof value === 'string' || value instanceof Uint8Array) return value
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'number') return BigInt(value)
  if (typeof value === 'bigint') return BigInt.asIntN(64, value)
  if (isFloat(value)) return value.value
  if (isCid(value)) return value.bytes
  return jsonOf(value)
}

function shown(values: readonly SQLOutputValue[]): string {
  return values.map(showValue).join(' ')
}

function showValue(value: SQLOutputValue): string {
  if (value === null) return 'NULL'
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex').toUpperCase()
  return typeof value === 'number' ? plainDecimal(value) : String(value)
}
