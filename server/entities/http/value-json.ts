/**
 * Values as JSON, by their schema: what JSON has no word for is named. Whole numbers of 64 bits and more are decimal text;
 * bytes are `{"$bytes": base64}`, blobs `{"$blob": hex}`, snapshots `{"$snapshot": hex}`, links `{"$link": …}`; a map is a
 * list of pairs; an enum is `{name: value}`, or its name alone where there is no value.
 */
import type { Link, KeyResolverKind } from '@leaf/codec/borsh/references'
import type { BorshSchema } from '@leaf/codec/borsh/schema-type'
import { hexOf } from '../hex.ts'
import { pathToText } from '../path-text.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** A value that the schema's codec gave. */
export function valueToJson(schema: BorshSchema, value: unknown): Json {
  switch (schema.kind) {
    case 'null':
      return null
    case 'bool':
      return value === true
    case 'string':
      return String(value)
    case 'f32':
    case 'f64':
      return numberToJson(value)
    case 'option':
      return value === undefined ? null : valueToJson(schema.item, value)
    case 'vector':
    case 'array':
    case 'set':
      if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
      return listOf(value).map(item => valueToJson(schema.item, item))
    case 'map':
      return value instanceof Map
        ? [...value].map(([key, item]) => [valueToJson(schema.key, key), valueToJson(schema.value, item)])
        : []
    case 'struct':
      return Object.fromEntries(
        schema.fields.map(([name, field]) => [name, valueToJson(field, partOf(value, name))]),
      )
    case 'enum': {
      const name = String(partOf(value, 'variant'))
      const variant = schema.variants.find(([one]) => one === name)?.[1]
      if (variant === undefined || variant.kind === 'null') return name
      return { [name]: valueToJson(variant, partOf(value, 'value')) }
    }
    case 'blob':
      return { $blob: value instanceof Uint8Array ? hexOf(value) : '' }
    case 'snapshot':
      return { $snapshot: value instanceof Uint8Array ? hexOf(value) : '' }
    case 'link':
      return isLink(value) ? { $link: linkToJson(value) } : null
    default:
      return typeof value === 'bigint' ? String(value) : numberToJson(value)
  }
}

/** A link in words; keys that have to be resolved with the resolver's id and its data. */
export function linkToJson({ namespace, subspace, path, snapshot }: Link): Json {
  return {
    namespace: keyToJson(namespace),
    subspace: keyToJson(subspace),
    path: pathToText(path),
    snapshot: snapshot === undefined ? null : hexOf(snapshot),
  }
}

function keyToJson(key: KeyResolverKind): Json {
  if (key.variant === 'Inline') return hexOf(key.value)
  return { resolver: hexOf(key.value.id), data: Buffer.from(key.value.data).toString('base64') }
}

/** A schema's format as JSON: a word, or an object that names the parts. */
export function formatToJson(schema: BorshSchema): Json {
  switch (schema.kind) {
    case 'option':
    case 'vector':
    case 'set':
      return { [schema.kind]: formatToJson(schema.item) }
    case 'array':
      return { array: formatToJson(schema.item), length: schema.length }
    case 'map':
      return { map: [formatToJson(schema.key), formatToJson(schema.value)] }
    case 'struct':
      return { struct: schema.fields.map(([name, field]) => [name, formatToJson(field)]) }
    case 'enum':
      return { enum: schema.variants.map(([name, variant]) => [name, formatToJson(variant)]) }
    default:
      return schema.kind
  }
}

/** JSON has no infinities. */
function numberToJson(value: unknown): Json {
  return typeof value === 'number' && Number.isFinite(value) ? value : String(value)
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** A part of a struct or an enum, by its name. */
export function partOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

/** Whether a value of kind `link` is what the link's codec gives. */
export function isLink(value: unknown): value is Link {
  return (
    typeof value === 'object' &&
    value !== null &&
    'namespace' in value &&
    'subspace' in value &&
    'path' in value &&
    Array.isArray(value.path)
  )
}
