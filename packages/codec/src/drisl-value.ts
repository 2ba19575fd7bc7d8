/** What DRISL can say, in JavaScript. */
import { cidBytesFromDigest, cidBytesFromText, cidBytesToText, codecDrisl, isCidBytes } from './cid.ts'
import { MalformedError } from './errors.ts'

/** Tells the objects of this module from maps; no key of a map can be a symbol. */
export const drislKind: unique symbol = Symbol('drisl')

/** A 64-bit float. It is kept apart from integers: 2.0 and 2 are different bytes. Never NaN or infinite. */
export interface DrislFloat {
  readonly [drislKind]: 'float'
  readonly value: number
}

/** A link: tag 42. */
export interface DrislCid {
  readonly [drislKind]: 'cid'
  /** 36 bytes, without the leading zero of the wire. */
  readonly bytes: Uint8Array
}

/** Something that is DRISL already; only for encoding. */
export interface RawDrisl {
  readonly [drislKind]: 'raw'
  readonly bytes: Uint8Array
}

/** Decoded maps have no prototype: every own name is a key of the input. */
export interface DrislMap {
  readonly [key: string]: DrislValue
}

/**
 * What a decoder gives. Integers are `number` within ±(2^53 − 1) and `bigint` beyond, down to −2^64 and up to 2^64 − 1;
 * a `number` is always an integer.
 */
export type DrislValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | DrislFloat
  | DrislCid
  | readonly DrislValue[]
  | DrislMap

/** What an encoder takes: also raw DRISL, numbers with a fraction (floats), and names without a value (left out). */
export type DrislInput =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | DrislFloat
  | DrislCid
  | RawDrisl
  | readonly DrislInput[]
  | { readonly [key: string]: DrislInput | undefined }

/** A float, also for a whole number. Throws MalformedError for NaN and infinities, which DRISL has not. */
export function float(value: number): DrislFloat {
  if (!Number.isFinite(value)) throw new MalformedError('a float of DRISL is finite', 0)
  return { [drislKind]: 'float', value }
}

export function isFloat(value: DrislValue | undefined): value is DrislFloat {
  return kindOf(value) === 'float'
}

/** A link from its 36 bytes. Throws MalformedError when they are no CID. */
export function cidOf(bytes: Uint8Array): DrislCid {
  if (!isCidBytes(bytes))
    throw new MalformedError('expected a CID of version 1, dag-cbor or raw, SHA-256, in 36 bytes', 0)
  return { [drislKind]: 'cid', bytes }
}

export function isCid(value: DrislValue | undefined): value is DrislCid {
  return kindOf(value) === 'cid'
}

/** `bafyrei…`, of a link or of its 36 bytes. */
export function cidText(cid: DrislCid | Uint8Array): string {
  return cidBytesToText(cid instanceof Uint8Array ? cid : cid.bytes)
}

/** A link from its text. Throws MalformedError for anything but a base32 CID of 59 characters. */
export function parseCid(text: string): DrislCid {
  return { [drislKind]: 'cid', bytes: cidBytesFromText(text) }
}

/** The link to a DRISL item. `sha256` gives 32 bytes; it is handed in because platforms differ. */
export function linkTo(item: Uint8Array, sha256: (bytes: Uint8Array) => Uint8Array): DrislCid {
  return { [drislKind]: 'cid', bytes: cidBytesFromDigest(codecDrisl, sha256(item)) }
}

/** Puts one item that is encoded already into a larger one, unread: that it is one canonical item is the caller's word. */
export function rawDrisl(bytes: Uint8Array): RawDrisl {
  return { [drislKind]: 'raw', bytes }
}

/** Whether this is a map: not null, an array, bytes, a float or a link. */
export function isMap(value: DrislValue | undefined): value is DrislMap {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(drislKind in value)
  )
}

/** Whether this is an array. (`Array.isArray` does not narrow readonly arrays.) */
export function isArray(value: DrislValue | undefined): value is readonly DrislValue[] {
  return Array.isArray(value)
}

function kindOf(value: DrislValue | undefined): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  return drislKind in value ? value[drislKind] : undefined
}
