/**
 * What every Borsh codec is: a schema, and how values of it are written, read and ordered. Strict both ways: one value has
 * one encoding, and whatever decodes is what would be encoded.
 * https://borsh.io
 */
import type { BorshSchema } from './schema-type.ts'
import { type BorshReader, type BorshWriter, createReader, createWriter } from './bytes.ts'

/** Written as a method, so that a codec of something is a codec of unknown. */
export type Compare<T> = { compare(a: T, b: T): number }['compare']

/** Reads, writes and compares values of type T. */
export interface Borsh<T> {
  readonly schema: BorshSchema
  /** The fewest bytes that a value takes: what a length is checked against before anything is allocated. */
  readonly bytesMin: number
  /** How deep this schema nests; 1 for a primitive. */
  readonly depth: number
  /** Throws MismatchError when the value is not one of the schema. */
  write(writer: BorshWriter, value: T): void
  /** Throws MalformedError. */
  read(reader: BorshReader): T
  /** The order of Rust's `Ord`, in which keys of maps and items of sets stand; undefined for floats and what holds them. */
  readonly compare: Compare<T> | undefined
}

/** The type of a codec's values. */
export type Infer<Codec> = Codec extends Borsh<infer T> ? T : never

/** A value that its schema does not describe; nothing was written. */
export class MismatchError extends Error {
  override readonly name = 'MismatchError'
  /** Where in the value: `.size.width`, `[3]`; empty for the value itself. */
  readonly path: string

  constructor(message: string, path = '') {
    super(path === '' ? message : `${path}: ${message}`)
    this.path = path
  }
}

/** A mismatch inside a part of a value, told with the part's name. */
export function within(part: string, error: unknown): unknown {
  if (!(error instanceof MismatchError)) return error
  const message = error.path === '' ? error.message : error.message.slice(error.path.length + 2)
  return new MismatchError(message, `${part}${error.path}`)
}

/** The canonical bytes of a value. Throws MismatchError. */
export function encodeBorsh<T>(codec: Borsh<T>, value: T): Uint8Array {
  const writer = createWriter()
  codec.write(writer, value)
  return writer.finish()
}

/** The value that some bytes are, all of them. Throws MalformedError with the offset. */
export function decodeBorsh<T>(codec: Borsh<T>, bytes: Uint8Array): T {
  const reader = createReader(bytes)
  const value = codec.read(reader)
  reader.end()
  return value
}

/** What came, for messages; never the value itself, which may be a secret. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value)) return `${value.length} items`
  return typeof value
}

/** Refuses a schema that cannot be: told when the schema is made, not when a value comes. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
}
