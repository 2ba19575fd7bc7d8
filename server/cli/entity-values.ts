/** Components on the command line: `Name=Hello`, `Tags=["a","b"]`, `CommonMark=@text.md`. */
import type { BorshSchema } from '@leaf/codec/borsh/schema-type'
import { SchemaError } from '@leaf/codec/borsh/codec'
import type { ComponentKind } from '@leaf/entities/leaf/define'
import { wellKnown } from '@leaf/entities/leaf/well-known'
import { StartFault } from '../kernel/lifecycle.ts'

/** A kind by its name, in either case. Throws StartFault. */
export function kindOf(name: string): ComponentKind<unknown> {
  const kind = wellKnown.find(one => one.name.toLowerCase() === name.toLowerCase())
  if (kind === undefined)
    throw new StartFault(
      `there is no kind ${name}. Those that there are: ${wellKnown.map(one => one.name).join(', ')}`,
    )
  return kind
}

/** `Name=value` taken apart. */
export function readAssignment(text: string): {
  readonly kind: ComponentKind<unknown>
  readonly value: string
} {
  const at = text.indexOf('=')
  if (at <= 0) throw new StartFault(`expected a component like Name=Hello, got "${text}"`)
  return { kind: kindOf(text.slice(0, at)), value: text.slice(at + 1) }
}

/** A value as its kind wants it: text as it is for texts, else JSON. Throws StartFault. */
export function readValue(kind: ComponentKind<unknown>, text: string): unknown {
  const { format } = kind.schema
  if (format.kind === 'string') return text
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new StartFault(`${kind.name} is no text: expected JSON, got "${text.slice(0, 80)}"`, { cause })
  }
  try {
    return fromJson(format, json)
  } catch (cause) {
    if (cause instanceof SchemaError) throw new StartFault(`${kind.name}: ${cause.message}`, { cause })
    throw cause
  }
}

/** What `valueToJson` gives, back. Throws SchemaError; the rest is told by the codec. */
function fromJson(schema: BorshSchema, json: unknown): unknown {
  switch (schema.kind) {
    case 'u64':
    case 'u128':
    case 'i64':
    case 'i128':
      if (!/^-?\d{1,40}$/.test(String(json)))
        throw new SchemaError(`expected a whole number, got ${String(json)}`)
      return BigInt(String(json))
    case 'option':
      return json === null ? undefined : fromJson(schema.item, json)
    case 'vector':
    case 'array':
    case 'set': {
      const bytes = namedBytes(json, '$bytes', 'base64')
      if (bytes !== undefined) return bytes
      if (!Array.isArray(json)) throw new SchemaError('expected a list')
      return json.map(item => fromJson(schema.item, item))
    }
    case 'map':
      if (!Array.isArray(json)) throw new SchemaError('expected a list of pairs')
      return new Map(
        json.map((pair: unknown) => {
          const [key, value] = Array.isArray(pair) ? pair : []
          return [fromJson(schema.key, key), fromJson(schema.value, value)]
        }),
      )
    case 'struct':
      return Object.fromEntries(
        schema.fields.map(([name, field]) => [
          name,
          fromJson(field, isObject(json) ? (json[name] ?? null) : null),
        ]),
      )
    case 'enum': {
      const name = typeof json === 'string' ? json : isObject(json) ? Object.keys(json)[0] : undefined
      const variant = schema.variants.find(([one]) => one === name)?.[1]
      if (variant === undefined)
        throw new SchemaError(`expected one of ${schema.variants.map(([one]) => one).join(', ')}`)
      const value = isObject(json) && name !== undefined ? json[name] : null
      return { variant: name, value: fromJson(variant, value) }
    }
    case 'blob':
      return namedBytes(json, '$blob', 'hex')
    case 'snapshot':
      return namedBytes(json, '$snapshot', 'hex')
    case 'link':
      throw new SchemaError('links cannot be written on the command line')
    default:
      return json
  }
}

function namedBytes(json: unknown, name: string, encoding: 'hex' | 'base64'): Uint8Array | undefined {
  const text = isObject(json) ? json[name] : undefined
  return typeof text === 'string' ? new Uint8Array(Buffer.from(text, encoding)) : undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
