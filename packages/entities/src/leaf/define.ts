/** Kinds of components, as applications define them. */
import { type Borsh, decodeBorsh, encodeBorsh } from '@leaf/codec/borsh/codec'
import {
  type ComponentData,
  emptySnapshotId,
  encodeSchemaObject,
  idOf,
  type ObjectId,
  type SchemaObject,
} from './objects.ts'
import { specify } from './specification.ts'

/** A kind of component: its schema, and how its values are bytes. */
export interface ComponentKind<T> {
  /** For people. */
  readonly name: string
  /** Of the schema: what makes two kinds the same. */
  readonly id: ObjectId
  readonly schema: SchemaObject
  /** What it means, in words; empty for an unspecified schema. */
  readonly doc: string
  readonly codec: Borsh<T>
  /** The bytes of the schema, and of everything that explains it: what makes it understood elsewhere. */
  readonly objects: readonly Uint8Array[]
}

/** The type of a kind's values. */
export type Infer<Kind> = Kind extends ComponentKind<infer T> ? T : never

export interface DefineOptions {
  /** What a value means and how it is meant to be used. It is part of the id: changing a word makes another kind. */
  readonly doc: string
}

/**
 * Defines a kind. Name, format and documentation together make its id, so that the same definition is the same kind
 * everywhere, and any change is another one.
 */
export function defineComponent<T>(name: string, codec: Borsh<T>, { doc }: DefineOptions): ComponentKind<T> {
  const specification = doc === '' ? undefined : specify(doc)
  const schema: SchemaObject = {
    name,
    format: codec.schema,
    specification: specification?.id ?? emptySnapshotId,
  }
  const encoded = encodeSchemaObject(schema)
  return {
    name,
    id: idOf(encoded),
    schema,
    doc,
    codec,
    objects: [encoded, ...(specification?.objects ?? [])],
  }
}

/** The data of a component of this kind. Throws MismatchError when the value is not one. */
export function toComponentData<T>(kind: ComponentKind<T>, value: T): ComponentData {
  return { schema: kind.id, data: encodeBorsh(kind.codec, value) }
}

/** The value of a component of this kind. Throws MalformedError when the data is not of the kind's format. */
export function fromComponentData<T>(kind: ComponentKind<T>, data: ComponentData): T {
  return decodeBorsh(kind.codec, data.data)
}
