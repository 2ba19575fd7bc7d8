/** What refers to other objects of the Leaf Protocol: blobs, snapshots, links. */
import type { Borsh } from './codec.ts'
import { bytes, fixedBytes, vector } from './collections.ts'
import { enumeration, option, struct } from './composites.ts'
import { primitives } from './primitives.ts'
import type { BorshSchema } from './schema-type.ts'

const digest = fixedBytes(32)

function named<T>(codec: Borsh<T>, schema: BorshSchema): Borsh<T> {
  return { ...codec, schema, depth: 1 }
}

/** One component of an entity's path. Numbers are bigints: `Uint` and `Int` of one value are different paths. */
export const pathComponent = enumeration({
  Null: primitives.null,
  Bool: primitives.bool,
  Uint: primitives.u64,
  Int: primitives.i64,
  String: primitives.string,
  Bytes: bytes,
})
export type PathComponent = Parameters<typeof pathComponent.write>[1]

/** A key of 32 bytes, or how to find it. */
export const keyResolverKind = enumeration({
  Inline: digest,
  Custom: struct({ id: digest, data: bytes }),
})
export type KeyResolverKind = Parameters<typeof keyResolverKind.write>[1]

const linkStruct = struct({
  namespace: keyResolverKind,
  subspace: keyResolverKind,
  path: vector(pathComponent),
  snapshot: option(digest),
})

/** A reference to an entity; its path has no terminator. */
export type Link = Parameters<typeof linkStruct.write>[1]

/** Digest of a payload of any size. */
export const blob: Borsh<Uint8Array> = named(digest, { kind: 'blob' })
/** Id of an EntitySnapshot. */
export const snapshot: Borsh<Uint8Array> = named(digest, { kind: 'snapshot' })
export const link: Borsh<Link> = named(linkStruct, { kind: 'link' })
