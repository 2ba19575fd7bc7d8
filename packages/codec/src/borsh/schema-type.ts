/** A Borsh schema as data; `schema.ts` reads and writes it. The order of kinds is that of the Leaf Protocol's enum. */

export const plainKinds = [
  'null',
  'bool',
  'u8',
  'u16',
  'u32',
  'u64',
  'u128',
  'i8',
  'i16',
  'i32',
  'i64',
  'i128',
  'f32',
  'f64',
  'string',
] as const

export type PlainKind = (typeof plainKinds)[number]

/** Kinds that refer to other objects: 32 bytes, 32 bytes, and a link. */
export type ReferenceKind = 'blob' | 'snapshot' | 'link'

export type BorshSchema =
  | { readonly kind: PlainKind | ReferenceKind }
  | { readonly kind: 'option' | 'vector' | 'set'; readonly item: BorshSchema }
  | { readonly kind: 'array'; readonly item: BorshSchema; readonly length: number }
  | { readonly kind: 'struct'; readonly fields: readonly (readonly [name: string, BorshSchema])[] }
  | { readonly kind: 'enum'; readonly variants: readonly (readonly [name: string, BorshSchema])[] }
  | { readonly kind: 'map'; readonly key: BorshSchema; readonly value: BorshSchema }

/** Bounds that every schema keeps, made here or read from bytes. */
export const schemaLimits = {
  depthMax: 32,
  nodesMax: 4096,
  /** Of the schema's own encoding. */
  bytesMax: 65_536,
  /** Of a fixed-size array's fewest bytes. */
  arrayBytesMax: 16 * 1024 * 1024,
  variantsMax: 256,
} as const
