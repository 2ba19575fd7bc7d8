/**
 * CIDs as the 36 bytes that are stored and sent: version 1, codec dag-cbor or raw, SHA-256.
 * https://atproto.com/specs/data-model#link-and-cid-formats
 */
import { fromString, toString, decode } from '@atcute/cid'
import { MalformedError } from './errors.ts'

/** 36 bytes: `01`, codec, `12 20`, digest. */
export type Cid = Uint8Array

/** SHA-256 of `bytes`, 32 bytes, synchronously; handed in because platforms differ. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array

/** Bytes under the CID that names them. `bytes` is a DAG-CBOR item. */
export interface Block {
  readonly cid: Cid
  readonly bytes: Uint8Array
}

export const cidBytesLength = 36
/** The codec of nodes, records and commits. */
export const codecDagCbor = 0x71
/** The codec of blobs. */
export const codecRaw = 0x55

/** The CID of a DAG-CBOR item. */
export function cidOf(bytes: Uint8Array, sha256: Sha256): Cid {
  return cidFromDigest(codecDagCbor, sha256(bytes))
}

/** A CID from a SHA-256 digest of 32 bytes. */
export function cidFromDigest(codec: number, digest: Uint8Array): Cid {
  if (digest.length !== 32) throw new MalformedError(`a digest has 32 bytes, not ${digest.length}`, 0)
  const cid = new Uint8Array(cidBytesLength)
  cid[0] = 1
  cid[1] = codec
  cid[2] = 0x12
  cid[3] = 32
  cid.set(digest, 4)
  return cid
}

/** A DAG-CBOR item with its CID. */
export function blockOf(bytes: Uint8Array, sha256: Sha256): Block {
  return { cid: cidOf(bytes, sha256), bytes }
}

/** The CID at `offset` of `bytes`, as a view of them; refuses every form but the one of this module. */
export function readCid(bytes: Uint8Array, offset: number): Cid {
  const fits = offset + cidBytesLength <= bytes.length
  const codec = bytes[offset + 1]
  if (
    !fits ||
    bytes[offset] !== 1 ||
    (codec !== codecDagCbor && codec !== codecRaw) ||
    bytes[offset + 2] !== 0x12 ||
    bytes[offset + 3] !== 32
  ) {
    throw new MalformedError('expected a CID of version 1, dag-cbor or raw, SHA-256', offset)
  }
  return bytes.subarray(offset, offset + cidBytesLength)
}

/** Base32 text of a CID: 59 characters that begin with `bafy` or `bafk`. */
export function cidToString(cid: Cid): string {
  return toString(decode(cid))
}

/** A CID from its base32 text. Throws MalformedError for any other form, also for stray bits in its last character. */
export function cidFromString(text: string): Cid {
  try {
    return fromString(text).bytes
  } catch (cause) {
    throw Object.assign(new MalformedError('expected a base32 CID of 59 characters', 0), { cause })
  }
}

/** Whether two CIDs are the same bytes. */
export function cidEquals(a: Cid, b: Cid): boolean {
  if (a.length !== b.length) return false
  for (let index = a.length - 1; index >= 0; index -= 1) if (a[index] !== b[index]) return false
  return true
}

/** A short string that is equal for equal CIDs, for maps in memory; not for storing or showing. */
export function cidKey(cid: Cid): string {
  if (cid.length !== cidBytesLength) throw new MalformedError(`a CID has 36 bytes, not ${cid.length}`, 0)
  return String.fromCharCode(
    pair(cid, 0),
    pair(cid, 4),
    pair(cid, 6),
    pair(cid, 8),
    pair(cid, 10),
    pair(cid, 12),
    pair(cid, 14),
    pair(cid, 16),
    pair(cid, 18),
    pair(cid, 20),
    pair(cid, 22),
    pair(cid, 24),
    pair(cid, 26),
    pair(cid, 28),
    pair(cid, 30),
    pair(cid, 32),
    pair(cid, 34),
  )
}

function pair(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}
