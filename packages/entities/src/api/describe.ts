/** What a schema means: its format, and the chain of what explains it, down to text. */
import { decodeBorsh } from '@leaf/codec/borsh/codec'
import { primitives } from '@leaf/codec/borsh/primitives'
import { codecOf } from '@leaf/codec/borsh/schema'
import type { BorshSchema } from '@leaf/codec/borsh/schema-type'
import { MalformedError } from '@leaf/codec/errors'
import {
  decodeSchemaObject,
  decodeSnapshot,
  decodeSpecified,
  emptySnapshotId,
  type ObjectId,
  utf8SchemaId,
} from '../leaf/objects.ts'
import { nameOf } from '../store/keys.ts'
import { equalBytes } from '../willow/path.ts'
import type { Reader } from './reader.ts'

/** A component of a specification. */
export interface Explanation {
  /** What the component is of; undefined: its schema has not arrived. */
  readonly schema: SchemaDescription | undefined
  /** Where the schema's format is one text: that text. */
  readonly text: string | undefined
  /** Decoded by its schema. */
  readonly value: unknown
}

export interface Description {
  readonly id: ObjectId
  readonly name: string
  /** Nothing explains it; the UTF-8 schema is the one that needs nothing. */
  readonly unspecified: boolean
  readonly explanations: readonly Explanation[]
  /** All texts, joined: what one shows to people. */
  readonly text: string
  /** Ids of what has not arrived. */
  readonly missing: readonly ObjectId[]
}

export interface SchemaDescription extends Description {
  readonly format: BorshSchema
}

/** Chains that are longer are cut; cycles cannot be, as ids are hashes. */
const depthMax = 16
/** Objects that one description reads: many schemas may explain one another. */
const objectsMax = 1000

/** Undefined: there is no such schema here, or it is none. */
export function describeSchema(reader: Reader, id: ObjectId): Promise<SchemaDescription | undefined> {
  return createDescriber(reader).schema(id, 1)
}

/** The same of an algorithm or a resolver. */
export function describeSpecified(reader: Reader, id: ObjectId): Promise<Description | undefined> {
  return createDescriber(reader).specified(id)
}

function createDescriber(reader: Reader) {
  const schemas = new Map<string, SchemaDescription | undefined>()
  let left = objectsMax
  const read = async <T>(id: ObjectId, decode: (bytes: Uint8Array) => T): Promise<T | undefined> => {
    left -= 1
    const bytes = left < 0 ? undefined : await reader.object(id)
    try {
      return bytes === undefined ? undefined : decode(bytes)
    } catch (error) {
      if (error instanceof MalformedError) return undefined
      throw error
    }
  }
  const about = async (id: ObjectId, specification: ObjectId, depth: number) => {
    const unspecified = equalBytes(specification, emptySnapshotId)
    const explanations: Explanation[] = []
    const missing: ObjectId[] = []
    const view = unspecified || depth > depthMax ? undefined : await reader.snapshot(specification)
    if (view === undefined && !unspecified) {
      const ids = await read(specification, decodeSnapshot)
      const bytes = ids === undefined ? [] : await reader.objects(ids)
      missing.push(...(ids?.filter((_, index) => bytes[index] === undefined) ?? [specification]))
    }
    for (const component of view?.open ?? []) {
      const described = await schema(component.schema, depth + 1)
      if (described === undefined) missing.push(component.schema)
      else missing.push(...described.missing)
      explanations.push({ schema: described, ...valueOf(described?.format, component.data) })
    }
    const text = explanations.flatMap(one => (one.text === undefined ? [] : [one.text])).join('\n\n')
    return { id, unspecified: unspecified && !equalBytes(id, utf8SchemaId), explanations, text, missing }
  }
  const schema = async (id: ObjectId, depth: number): Promise<SchemaDescription | undefined> => {
    const key = nameOf(id)
    if (schemas.has(key)) return schemas.get(key)
    const object = await read(id, decodeSchemaObject)
    const described =
      object === undefined
        ? undefined
        : { name: object.name, format: object.format, ...(await about(id, object.specification, depth)) }
    schemas.set(key, described)
    return described
  }
  return {
    schema,
    specified: async (id: ObjectId): Promise<Description | undefined> => {
      const object = await read(id, decodeSpecified)
      return object === undefined
        ? undefined
        : { name: object.name, ...(await about(id, object.specification, 1)) }
    },
  }
}

function valueOf(format: BorshSchema | undefined, data: Uint8Array) {
  try {
    const value = format === undefined ? undefined : decodeBorsh(codecOf(format), data)
    return { value, text: format?.kind === 'string' ? decodeBorsh(primitives.string, data) : undefined }
  } catch (error) {
    if (error instanceof MalformedError) return { value: undefined, text: undefined }
    throw error
  }
}
