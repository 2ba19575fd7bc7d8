import { MalformedError } from '../errors.ts'
import { type Borsh, kindOf, MismatchError, SchemaError, within } from './codec.ts'
import { type BorshSchema, schemaLimits } from './schema-type.ts'

/** One more level; refuses what nests too deep. */
export function deeper(parts: readonly Borsh<unknown>[]): number {
  const depth = 1 + parts.reduce((most, part) => Math.max(most, part.depth), 0)
  if (depth > schemaLimits.depthMax)
    throw new SchemaError(`expected a schema at most ${schemaLimits.depthMax} levels deep`)
  return depth
}

/** None is `undefined`. Some is the value itself, or `{ some: value }` where the value is an option too. */
export function option<T>(item: Borsh<T>): Borsh<T | undefined> {
  const nested = item.schema.kind === 'option'
  const inner = (value: T | undefined): T => (nested ? (value as { some: T }).some : (value as T))
  const { compare } = item
  return {
    schema: { kind: 'option', item: item.schema },
    bytesMin: 1,
    depth: deeper([item]),
    write: (writer, value) => {
      if (value === undefined) {
        writer.u8(0)
        return
      }
      if (nested && (typeof value !== 'object' || value === null || !('some' in value))) {
        throw new MismatchError(`expected undefined or { some }, got ${kindOf(value)}`)
      }
      writer.u8(1)
      item.write(writer, inner(value))
    },
    read: reader => {
      const byte = reader.u8()
      if (byte > 1) throw new MalformedError(`expected 00 or 01 for an option, got ${byte}`, reader.at - 1)
      if (byte === 0) return undefined
      const value = item.read(reader)
      return nested ? ({ some: value } as T) : value
    },
    compare:
      compare === undefined
        ? undefined
        : (a, b) => {
            if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined)
            return compare(inner(a), inner(b))
          },
  }
}

type Fields = Readonly<Record<string, Borsh<unknown>>>
type StructOf<F extends Fields> = { readonly [Name in keyof F]: F[Name] extends Borsh<infer T> ? T : never }

/** A struct from its fields in order. */
export function struct<const F extends Fields>(fields: F): Borsh<StructOf<F>> {
  return structOf(Object.entries(fields)) as Borsh<StructOf<F>>
}

/** The same from pairs: a schema that was read may have names which an object would put in another order. */
export function structOf(
  parts: readonly (readonly [string, Borsh<unknown>])[],
): Borsh<Readonly<Record<string, unknown>>> {
  checkNames(
    'field',
    parts.map(([name]) => name),
  )
  const comparable = parts.every(([, codec]) => codec.compare !== undefined)
  return {
    schema: { kind: 'struct', fields: parts.map(([name, codec]) => [name, codec.schema] as const) },
    bytesMin: parts.reduce((sum, [, codec]) => sum + codec.bytesMin, 0),
    depth: deeper(parts.map(([, codec]) => codec)),
    write: (writer, value) => {
      if (typeof value !== 'object' || value === null)
        throw new MismatchError(`expected an object, got ${kindOf(value)}`)
      for (const [name, codec] of parts) {
        try {
          codec.write(writer, value[name])
        } catch (error) {
          throw within(`.${name}`, error)
        }
      }
      refuseUnknown(value, parts)
    },
    read: reader => {
      const value: Record<string, unknown> = {}
      for (const [name, codec] of parts) define(value, name, codec.read(reader))
      return value
    },
    compare: comparable
      ? (a, b) => {
          for (const [name, codec] of parts) {
            const order = codec.compare?.(a[name], b[name]) ?? 0
            if (order !== 0) return order
          }
          return 0
        }
      : undefined,
  }
}

/** `__proto__` is a name like any other. */
function define(value: Record<string, unknown>, name: string, part: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(value, name, { value: part, enumerable: true, configurable: true, writable: true })
  else value[name] = part
}

function refuseUnknown(value: object, parts: readonly (readonly [string, unknown])[]): void {
  for (const name of Object.keys(value)) {
    if (!parts.some(([known]) => known === name))
      throw new MismatchError(`expected fields of the schema only, got ${JSON.stringify(name)}`)
  }
}

/** A value of an enum: which variant, and what it holds (null where it holds nothing). */
export type VariantOf<V extends Fields> = {
  [Name in keyof V & string]: {
    readonly variant: Name
    readonly value: V[Name] extends Borsh<infer T> ? T : never
  }
}[keyof V & string]

/** An enum from its variants in order. */
export function enumeration<const V extends Fields>(variants: V): Borsh<VariantOf<V>> {
  return enumerationOf(Object.entries(variants)) as Borsh<VariantOf<V>>
}

/** The same from pairs. */
export function enumerationOf(
  parts: readonly (readonly [string, Borsh<unknown>])[],
): Borsh<{ readonly variant: string; readonly value: unknown }> {
  checkNames(
    'variant',
    parts.map(([name]) => name),
  )
  if (parts.length === 0 || parts.length > schemaLimits.variantsMax) {
    throw new SchemaError(`expected 1 to ${schemaLimits.variantsMax} variants, got ${parts.length}`)
  }
  const ordinals = new Map(parts.map(([name], index) => [name, index]))
  const ordinalOf = (variant: string) => ordinals.get(variant) ?? -1
  const comparable = parts.every(([, codec]) => codec.compare !== undefined)
  return {
    schema: { kind: 'enum', variants: parts.map(([name, codec]) => [name, codec.schema] as const) },
    bytesMin: 1 + Math.min(...parts.map(([, codec]) => codec.bytesMin)),
    depth: deeper(parts.map(([, codec]) => codec)),
    write: (writer, value) => {
      const ordinal = typeof value === 'object' && value !== null ? ordinalOf(value.variant) : -1
      const codec = parts[ordinal]?.[1]
      if (codec === undefined) {
        throw new MismatchError(
          `expected { variant, value } with one of ${parts.map(([name]) => name).join(', ')}, got ${kindOf(value)}`,
        )
      }
      writer.u8(ordinal)
      try {
        codec.write(writer, value.value)
      } catch (error) {
        throw within(`.${value.variant}`, error)
      }
    },
    read: reader => {
      const ordinal = reader.u8()
      const part = parts[ordinal]
      if (part === undefined) {
        throw new MalformedError(`expected a variant below ${parts.length}, got ${ordinal}`, reader.at - 1)
      }
      return { variant: part[0], value: part[1].read(reader) }
    },
    compare: comparable
      ? (a, b) => {
          const order = ordinalOf(a.variant) - ordinalOf(b.variant)
          return order === 0 ? (parts[ordinalOf(a.variant)]?.[1].compare?.(a.value, b.value) ?? 0) : order
        }
      : undefined,
  }
}

function checkNames(what: string, names: readonly string[]): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (name === '' || !name.isWellFormed())
      throw new SchemaError(`expected well-formed ${what} names of at least one character`)
    if (seen.has(name)) throw new SchemaError(`expected ${what} names once each, got ${name} twice`)
    seen.add(name)
  }
}

/** What a schema is called in messages. */
export function nameOf(schema: BorshSchema): string {
  return schema.kind
}
