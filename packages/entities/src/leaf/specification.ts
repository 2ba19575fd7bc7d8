/** How schemas, algorithms and resolvers are explained: a snapshot of components, in the end of text. */
import { encodeBorsh } from '@leaf/codec/borsh/codec'
import { primitives } from '@leaf/codec/borsh/primitives'
import {
  encodeComponent,
  encodeSnapshot,
  encodeSpecified,
  idOf,
  type ObjectId,
  utf8SchemaId,
} from './objects.ts'

/** Objects that belong together, so that whoever gets one can get all. */
export interface Specification {
  /** Of the snapshot. */
  readonly id: ObjectId
  /** The bytes of the snapshot and of its components. */
  readonly objects: readonly Uint8Array[]
}

/** A specification that is one text. */
export function specify(text: string): Specification {
  const component = encodeComponent({
    variant: 'Unencrypted',
    value: { schema: utf8SchemaId, data: encodeBorsh(primitives.string, text) },
  })
  const snapshot = encodeSnapshot([idOf(component)])
  return { id: idOf(snapshot), objects: [component, snapshot] }
}

/** A named thing with its specification: an algorithm or a resolver. */
export interface Specified {
  readonly id: ObjectId
  readonly name: string
  /** The thing's own bytes, and those of its specification. */
  readonly objects: readonly Uint8Array[]
}

/** The object of an algorithm or a resolver that a text explains. */
export function specified(name: string, text: string): Specified {
  const specification = specify(text)
  const object = encodeSpecified({ name, specification: specification.id })
  return { id: idOf(object), name, objects: [object, ...specification.objects] }
}
