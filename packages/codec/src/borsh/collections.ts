import { MalformedError } from '../errors.ts'
import type { BorshReader } from './bytes.ts'
import { type Borsh, kindOf, MismatchError, SchemaError, within } from './codec.ts'
import { deeper, nameOf } from './composites.ts'
import { schemaLimits } from './schema-type.ts'

/** Items of no size would let four bytes stand for four billion of them. */
function refuseEmptyItems(item: Borsh<unknown>): void {
  if (item.bytesMin === 0)
    throw new SchemaError(`expected items that take at least one byte, got ${nameOf(item.schema)}`)
}

/** Bytes in the order of Rust's `[u8]`. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    if (a[at] !== b[at]) return (a[at] as number) - (b[at] as number)
  }
  return a.length - b.length
}

/** `Vec<u8>`, as bytes. What is read is a copy. */
export const bytes: Borsh<Uint8Array> = {
  schema: { kind: 'vector', item: { kind: 'u8' } },
  bytesMin: 4,
  depth: 2,
  write: (writer, value) => {
    if (!(value instanceof Uint8Array)) throw new MismatchError(`expected bytes, got ${kindOf(value)}`)
    writer.u32(value.length)
    writer.raw(value)
  },
  read: reader => reader.raw(reader.count(1)).slice(),
  compare: compareBytes,
}

/** `[u8; length]`, as bytes. What is read is a copy. */
export function fixedBytes(length: number): Borsh<Uint8Array> {
  checkArray(length, 1)
  return {
    schema: { kind: 'array', item: { kind: 'u8' }, length },
    bytesMin: length,
    depth: 2,
    write: (writer, value) => {
      if (!(value instanceof Uint8Array) || value.length !== length)
        throw new MismatchError(`expected ${length} bytes, got ${kindOf(value)}`)
      writer.raw(value)
    },
    read: reader => reader.raw(length).slice(),
    compare: compareBytes,
  }
}

/** `Vec<T>`. */
export function vector<T>(item: Borsh<T>): Borsh<readonly T[]> {
  refuseEmptyItems(item)
  return {
    schema: { kind: 'vector', item: item.schema },
    bytesMin: 4,
    depth: deeper([item]),
    write: (writer, value) => {
      if (!Array.isArray(value)) throw new MismatchError(`expected an array, got ${kindOf(value)}`)
      writer.u32(value.length)
      writeItems<T>(value, each => item.write(writer, each))
    },
    read: reader => readItems(reader, reader.count(item.bytesMin), item),
    compare: compareItems(item),
  }
}

/** `[T; length]`. */
export function array<T>(item: Borsh<T>, length: number): Borsh<readonly T[]> {
  checkArray(length, item.bytesMin)
  return {
    schema: { kind: 'array', item: item.schema, length },
    bytesMin: length * item.bytesMin,
    depth: deeper([item]),
    write: (writer, value) => {
      if (!Array.isArray(value) || value.length !== length)
        throw new MismatchError(`expected ${length} items, got ${kindOf(value)}`)
      writeItems<T>(value, each => item.write(writer, each))
    },
    read: reader => readItems(reader, length, item),
    compare: compareItems(item),
  }
}

function checkArray(length: number, itemBytesMin: number): void {
  if (!Number.isInteger(length) || length < 0 || length > 0xffff_ffff)
    throw new SchemaError(`expected an array length of 32 bits, got ${length}`)
  // An array of nothings is as long as it says without a byte of input.
  if (length * Math.max(1, itemBytesMin) > schemaLimits.arrayBytesMax) {
    throw new SchemaError(`expected an array of at most ${schemaLimits.arrayBytesMax} bytes`)
  }
}

function writeItems<T>(items: readonly T[], write: (item: T) => void): void {
  for (let index = 0; index < items.length; index++) {
    try {
      write(items[index] as T)
    } catch (error) {
      throw within(`[${index}]`, error)
    }
  }
}

function readItems<T>(reader: BorshReader, count: number, item: Borsh<T>): T[] {
  const items: T[] = []
  for (let index = 0; index < count; index++) items.push(item.read(reader))
  return items
}

function compareItems<T>(item: Borsh<T>): Borsh<readonly T[]>['compare'] {
  const { compare } = item
  if (compare === undefined) return undefined
  return (a, b) => {
    const length = Math.min(a.length, b.length)
    for (let index = 0; index < length; index++) {
      const order = compare(a[index] as T, b[index] as T)
      if (order !== 0) return order
    }
    return a.length - b.length
  }
}

function orderOf<T>(item: Borsh<T>, what: string): (a: T, b: T) => number {
  if (item.compare === undefined)
    throw new SchemaError(
      `expected ${what} with an order, got ${nameOf(item.schema)}, which holds a float or a map of them`,
    )
  return item.compare
}

/** `Array.sort` would put `undefined`, which is None here, last without asking. */
function sortedBy<T>(order: (a: T, b: T) => number, items: readonly T[]): T[] {
  return items
    .map(item => ({ item }))
    .sort((a, b) => order(a.item, b.item))
    .map(({ item }) => item)
}

/** `HashMap<K, V>`: written in the order of keys; read only in that order, without repeats. */
export function map<K, V>(key: Borsh<K>, value: Borsh<V>): Borsh<ReadonlyMap<K, V>> {
  refuseEmptyItems(key)
  const order = orderOf(key, 'keys')
  const entries = (of: ReadonlyMap<K, V>) => [...of].sort(([a], [b]) => order(a, b))
  return {
    schema: { kind: 'map', key: key.schema, value: value.schema },
    bytesMin: 4,
    depth: deeper([key, value]),
    write: (writer, of) => {
      if (!(of instanceof Map)) throw new MismatchError(`expected a Map, got ${kindOf(of)}`)
      const sorted = entries(of)
      writer.u32(sorted.length)
      for (const [index, [k, v]] of sorted.entries()) {
        const before = sorted[index - 1]
        if (before !== undefined && order(before[0], k) === 0)
          throw new MismatchError('expected keys once each, got equal ones')
        try {
          key.write(writer, k)
          value.write(writer, v)
        } catch (error) {
          throw within(`{${index}}`, error)
        }
      }
    },
    read: reader => {
      const count = reader.count(key.bytesMin + value.bytesMin)
      const of = new Map<K, V>()
      let before: { readonly key: K } | undefined
      for (let index = 0; index < count; index++) {
        const begin = reader.at
        const k = key.read(reader)
        if (before !== undefined && order(before.key, k) >= 0)
          throw new MalformedError('expected keys in ascending order without repeats', begin)
        before = { key: k }
        of.set(k, value.read(reader))
      }
      return of
    },
    compare:
      value.compare === undefined
        ? undefined
        : (a, b) => {
            const [x, y] = [entries(a), entries(b)]
            for (let index = 0; index < Math.min(x.length, y.length); index++) {
              const [one, other] = [x[index] as [K, V], y[index] as [K, V]]
              const by = order(one[0], other[0]) || (value.compare?.(one[1], other[1]) ?? 0)
              if (by !== 0) return by
            }
            return x.length - y.length
          },
  }
}

/** `HashSet<T>`: like the keys of a map. Items are an array, as sets of objects would not know equal ones. */
export function set<T>(item: Borsh<T>): Borsh<readonly T[]> {
  refuseEmptyItems(item)
  const order = orderOf(item, 'items')
  return {
    schema: { kind: 'set', item: item.schema },
    bytesMin: 4,
    depth: deeper([item]),
    write: (writer, value) => {
      if (!Array.isArray(value)) throw new MismatchError(`expected an array, got ${kindOf(value)}`)
      const sorted = sortedBy(order, value as readonly T[])
      writer.u32(sorted.length)
      writeItems<T>(sorted, each => item.write(writer, each))
      for (let index = 1; index < sorted.length; index++) {
        if (order(sorted[index - 1] as T, sorted[index] as T) === 0)
          throw new MismatchError('expected items once each, got equal ones')
      }
    },
    read: reader => {
      const count = reader.count(item.bytesMin)
      const items: T[] = []
      for (let index = 0; index < count; index++) {
        const begin = reader.at
        const value = item.read(reader)
        if (index > 0 && order(items[index - 1] as T, value) >= 0)
          throw new MalformedError('expected items in ascending order without repeats', begin)
        items.push(value)
      }
      return items
    },
    compare: (a, b) => compareItems(item)?.(sortedBy(order, a), sortedBy(order, b)) ?? 0,
  }
}
