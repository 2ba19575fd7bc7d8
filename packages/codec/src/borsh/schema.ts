/** Schemas as bytes, and codecs of schemas that are known only when they are read. */
import { LimitError, MalformedError } from '../errors.ts'
import { type BorshReader, type BorshWriter, createReader, createWriter } from './bytes.ts'
import { type Borsh, SchemaError } from './codec.ts'
import { array, bytes, fixedBytes, map, set, vector } from './collections.ts'
import { enumerationOf, option, structOf } from './composites.ts'
import { primitives } from './primitives.ts'
import { blob, link, snapshot } from './references.ts'
import { type BorshSchema, type PlainKind, plainKinds, schemaLimits } from './schema-type.ts'

const kinds = [
  ...plainKinds,
  'option',
  'array',
  'struct',
  'enum',
  'vector',
  'map',
  'set',
  'blob',
  'snapshot',
  'link',
] as const satisfies readonly BorshSchema['kind'][]

/** The canonical bytes of a schema. */
export function encodeSchema(schema: BorshSchema): Uint8Array {
  const writer = createWriter()
  writeSchema(writer, schema)
  return writer.finish()
}

/** The schema that some bytes are, all of them. Throws MalformedError, also for schemas that break a rule. */
export function decodeSchema(input: Uint8Array): BorshSchema {
  const reader = createReader(input)
  const schema = readSchema(reader)
  reader.end()
  return schema
}

/** Writes a schema inside something else. */
export function writeSchema(writer: BorshWriter, schema: BorshSchema): void {
  writer.u8(kinds.indexOf(schema.kind))
  switch (schema.kind) {
    case 'option':
    case 'vector':
    case 'set':
      return writeSchema(writer, schema.item)
    case 'array':
      writeSchema(writer, schema.item)
      return writer.u32(schema.length)
    case 'map':
      writeSchema(writer, schema.key)
      return writeSchema(writer, schema.value)
    case 'struct':
      return writeNamed(writer, schema.fields)
    case 'enum':
      return writeNamed(writer, schema.variants)
    default:
  }
}

function writeNamed(writer: BorshWriter, parts: readonly (readonly [string, BorshSchema])[]): void {
  writer.u32(parts.length)
  for (const [name, schema] of parts) {
    writer.text(name)
    writeSchema(writer, schema)
  }
}

/** Reads a schema inside something else, and checks its rules. */
export function readSchema(reader: BorshReader): BorshSchema {
  const begin = reader.at
  let nodes = 0
  const read = (depth: number): BorshSchema => {
    const at = reader.at
    nodes += 1
    if (depth > schemaLimits.depthMax)
      throw new LimitError('depthMax', `expected at most ${schemaLimits.depthMax} levels`, at)
    if (nodes > schemaLimits.nodesMax)
      throw new LimitError('nodesMax', `expected at most ${schemaLimits.nodesMax} parts`, at)
    if (at - begin > schemaLimits.bytesMax)
      throw new LimitError('bytesMax', `expected at most ${schemaLimits.bytesMax} bytes`, at)
    const ordinal = reader.u8()
    const kind = kinds[ordinal]
    switch (kind) {
      case undefined:
        throw new MalformedError(`expected a schema kind below ${kinds.length}, got ${ordinal}`, at)
      case 'option':
      case 'vector':
      case 'set':
        return { kind, item: read(depth + 1) }
      case 'array':
        return { kind, item: read(depth + 1), length: reader.u32() }
      case 'map':
        return { kind, key: read(depth + 1), value: read(depth + 1) }
      case 'struct':
        return { kind, fields: readNamed(depth) }
      case 'enum':
        return { kind, variants: readNamed(depth) }
      default:
        return { kind }
    }
  }
  /** A name takes at least five bytes, its schema one. */
  const readNamed = (depth: number): (readonly [string, BorshSchema])[] => {
    const count = reader.count(6)
    const parts: (readonly [string, BorshSchema])[] = []
    for (let index = 0; index < count; index++) parts.push([reader.text(), read(depth + 1)])
    return parts
  }
  const schema = read(1)
  try {
    codecOf(schema)
  } catch (error) {
    if (error instanceof SchemaError) throw new MalformedError(error.message, begin)
    throw error
  }
  return schema
}

const references = { blob, snapshot, link } as const

/** The codec of a schema. Throws SchemaError when the schema breaks a rule. */
export function codecOf(schema: BorshSchema): Borsh<unknown> {
  return build(schema)
}

function build(schema: BorshSchema): Borsh<unknown> {
  switch (schema.kind) {
    case 'option':
      return option(build(schema.item))
    case 'vector':
      return schema.item.kind === 'u8' ? bytes : vector(build(schema.item))
    case 'set':
      return set(build(schema.item))
    case 'array':
      return schema.item.kind === 'u8' ? fixedBytes(schema.length) : array(build(schema.item), schema.length)
    case 'map':
      return map(build(schema.key), build(schema.value))
    case 'struct':
      return structOf(schema.fields.map(([name, part]) => [name, build(part)]))
    case 'enum':
      return enumerationOf(schema.variants.map(([name, part]) => [name, build(part)]))
    case 'blob':
    case 'snapshot':
    case 'link':
      return references[schema.kind]
    default:
      return primitives[schema.kind satisfies PlainKind]
  }
}
