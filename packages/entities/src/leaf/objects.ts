/** The objects of the Leaf Protocol, as bytes. Every id is WILLIAM3 of an object's bytes. */
import { createReader, createWriter } from '@leaf/codec/borsh/bytes'
import { type Borsh, decodeBorsh, encodeBorsh, MismatchError } from '@leaf/codec/borsh/codec'
import { bytes, compareBytes, fixedBytes } from '@leaf/codec/borsh/collections'
import { enumeration, struct } from '@leaf/codec/borsh/composites'
import { primitives } from '@leaf/codec/borsh/primitives'
import { readSchema, writeSchema } from '@leaf/codec/borsh/schema'
import type { BorshSchema } from '@leaf/codec/borsh/schema-type'
import { MalformedError } from '@leaf/codec/errors'
import { william3 } from '@leaf/codec/william3'

/** 32 bytes: the digest of an object. */
export type ObjectId = Uint8Array

const digest = fixedBytes(32)

/** What a component says, and by which schema. */
export const componentData = struct({ schema: digest, data: bytes })
export type ComponentData = Parameters<typeof componentData.write>[1]

const encryptedComponent = struct({ algorithm: digest, key_id: digest, encrypted_data: bytes })
export type EncryptedComponent = Parameters<typeof encryptedComponent.write>[1]

/** A component, open or encrypted. */
export const component = enumeration({ Unencrypted: componentData, Encrypted: encryptedComponent })
export type ComponentObject = Parameters<typeof component.write>[1]

/** Components beyond this are not read and not written; larger data belongs into blobs. */
export const componentBytesMax = 1024 * 1024
/** Components that an entity may have. */
export const componentsMax = 4096

export interface SchemaObject {
  /** For people; renaming it makes another schema. */
  readonly name: string
  readonly format: BorshSchema
  /** Id of the snapshot whose components explain it. */
  readonly specification: ObjectId
}

/** A key resolver or an encryption algorithm: a name and what explains it. */
export const specified = struct({ name: primitives.string, specification: digest })
export type SpecifiedObject = Parameters<typeof specified.write>[1]

/** The id of any object's bytes. */
export function idOf(object: Uint8Array): ObjectId {
  return william3(object)
}

export function encodeComponent(value: ComponentObject): Uint8Array {
  return encodeBorsh(component, value)
}

/** Throws MalformedError. */
export function decodeComponent(input: Uint8Array): ComponentObject {
  return decodeBorsh(component, input)
}

export function encodeSchemaObject(schema: SchemaObject): Uint8Array {
  const writer = createWriter()
  primitives.string.write(writer, schema.name)
  writeSchema(writer, schema.format)
  digest.write(writer, schema.specification)
  return writer.finish()
}

/** Throws MalformedError. */
export function decodeSchemaObject(input: Uint8Array): SchemaObject {
  const reader = createReader(input)
  const name = reader.text()
  const format = readSchema(reader)
  const specification = digest.read(reader)
  reader.end()
  return { name, format, specification }
}

export function encodeSpecified(object: SpecifiedObject): Uint8Array {
  return encodeBorsh(specified as Borsh<SpecifiedObject>, object)
}

/** Throws MalformedError. */
export function decodeSpecified(input: Uint8Array): SpecifiedObject {
  return decodeBorsh(specified, input)
}

/** An EntitySnapshot: component ids, strictly ascending; repeats in the input are dropped. Throws MismatchError. */
export function encodeSnapshot(components: readonly ObjectId[]): Uint8Array {
  const sorted = [...components].sort(compareBytes)
  const unique = sorted.filter((id, index) => index === 0 || compareBytes(sorted[index - 1] ?? id, id) !== 0)
  if (unique.length > componentsMax)
    throw new MismatchError(`expected at most ${componentsMax} components, got ${unique.length}`)
  const writer = createWriter(4 + unique.length * 32)
  writer.u32(unique.length)
  for (const id of unique) digest.write(writer, id)
  return writer.finish()
}

/** Throws MalformedError for anything but the canonical bytes. */
export function decodeSnapshot(input: Uint8Array): readonly ObjectId[] {
  const reader = createReader(input)
  const count = reader.count(32)
  if (count > componentsMax)
    throw new MalformedError(`expected at most ${componentsMax} components, got ${count}`, 0)
  const ids: ObjectId[] = []
  for (let index = 0; index < count; index++) {
    const begin = reader.at
    const id = digest.read(reader)
    const before = ids.at(-1)
    if (before !== undefined && compareBytes(before, id) >= 0)
      throw new MalformedError('expected component ids in ascending order without repeats', begin)
    ids.push(id)
  }
  reader.end()
  return ids
}

/** The snapshot without components: what unspecified schemas name. */
export const emptySnapshot = encodeSnapshot([])
export const emptySnapshotId = idOf(emptySnapshot)

/** The one unspecified schema with a meaning: text, in which every chain of specifications ends. */
export const utf8Schema: SchemaObject = {
  name: 'UTF-8',
  format: { kind: 'string' },
  specification: emptySnapshotId,
}
export const utf8SchemaId = idOf(encodeSchemaObject(utf8Schema))
