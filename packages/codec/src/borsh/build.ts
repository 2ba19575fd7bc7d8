/** A schema as one writes it: `s.struct({ name: s.string(), age: s.option(s.u8()) })`. */
import type { Borsh } from './codec.ts'
import { array, bytes, fixedBytes, map, set, vector } from './collections.ts'
import { enumeration, option, struct } from './composites.ts'
import { primitives } from './primitives.ts'
import { blob, link, snapshot } from './references.ts'

const always =
  <T>(codec: Borsh<T>) =>
  (): Borsh<T> =>
    codec

/** One function for each kind. Numbers of 64 bits and more are bigints. */
export const s = {
  null: always(primitives.null),
  bool: always(primitives.bool),
  u8: always(primitives.u8),
  u16: always(primitives.u16),
  u32: always(primitives.u32),
  u64: always(primitives.u64),
  u128: always(primitives.u128),
  i8: always(primitives.i8),
  i16: always(primitives.i16),
  i32: always(primitives.i32),
  i64: always(primitives.i64),
  i128: always(primitives.i128),
  f32: always(primitives.f32),
  f64: always(primitives.f64),
  string: always(primitives.string),
  /** `Vec<u8>` as bytes. */
  bytes: always(bytes),
  /** `[u8; length]` as bytes. */
  fixedBytes,
  option,
  array,
  vector,
  struct,
  enum: enumeration,
  map,
  set,
  blob: always(blob),
  snapshot: always(snapshot),
  link: always(link),
} as const
