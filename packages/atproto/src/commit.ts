/**
 * Signed commits, version 3. https://atproto.com/specs/repository#commit-objects
 */
import { create as createTid, parse as parseTid, validate as isTid } from '@atcute/tid'
import {
  asciiLength,
  cborCidLength,
  type Cursor,
  expectEnd,
  expectKey,
  headLength,
  majorBytes,
  readAscii,
  readBytes,
  readLink,
  readLinkOrNull,
  writeAscii,
  writeHead,
  writeKey,
  writeLinkOrNull,
} from './cbor.ts'
import { type Block, blockOf, type Cid, type Sha256 } from './cid.ts'
import { MalformedError } from './errors.ts'
import type { MaybePromise } from './node-source.ts'

export interface UnsignedCommit {
  readonly did: string
  /** The root of the tree. */
  readonly data: Cid
  /** A TID that rises with each commit of the repository. */
  readonly rev: string
}

export interface Commit extends UnsignedCommit {
  readonly version: 3
  /** Null in every commit that is made today; older ones may name the commit before. */
  readonly prev: Cid | null
  /** 64 bytes: r and s, s in its lower half. */
  readonly sig: Uint8Array
}

/**
 * Signs bytes: hashes them with SHA-256 itself, and gives the 64 bytes of r and s with s in its lower half. May answer
 * at once.
 */
export type Sign = (bytes: Uint8Array) => MaybePromise<Uint8Array>

/** Whether a signature of 64 bytes is `bytes`'s; hashes them itself; refuses a high s. */
export type Verify = (bytes: Uint8Array, signature: Uint8Array) => MaybePromise<boolean>

export const signatureBytes = 64
/** Bytes of a commit block at most. */
export const commitBytesMax = 8192
/** Characters of a DID at most. https://atproto.com/specs/did */
const didLengthMax = 2048

/** The bytes that a commit's signature is over: its DAG-CBOR without `sig`, with `prev` null. */
export function unsignedCommitBytes(commit: UnsignedCommit): Uint8Array {
  return encodeCommit({ ...commit, prev: null }, null)
}

/** Signs a commit; gives its block. */
export async function signCommit(
  commit: UnsignedCommit,
  capabilities: { readonly sign: Sign; readonly sha256: Sha256 },
): Promise<Block> {
  const signed = capabilities.sign(unsignedCommitBytes(commit))
  const signature = signed instanceof Promise ? await signed : signed
  if (signature.length !== signatureBytes) {
    throw new MalformedError(`a signature has ${signatureBytes} bytes, not ${signature.length}`, 0)
  }
  return blockOf(encodeCommit({ ...commit, prev: null }, signature), capabilities.sha256)
}

/** Whether the commit's signature holds. */
export async function verifyCommit(commit: Commit, verify: Verify): Promise<boolean> {
  return verify(encodeCommit(commit, null), commit.sig)
}

/** A commit from its block. Refuses, by MalformedError, every form but canonical version 3. */
export function decodeCommit(bytes: Uint8Array): Commit {
  if (bytes.length > commitBytesMax) {
    throw new MalformedError(`a commit of ${bytes.length} bytes exceeds ${commitBytesMax}`, 0)
  }
  if (bytes[0] !== 0xa6) throw new MalformedError('expected a commit: a map of six', 0)
  const cursor: Cursor = { bytes, at: 1 }
  expectKey(cursor, 'did')
  const did = readAscii(cursor, 'the did')
  if (did.length > didLengthMax || !/^did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]$/.test(did)) {
    throw new MalformedError('the did of a commit is not a DID', cursor.at - did.length)
  }
  expectKey(cursor, 'rev')
  const rev = readAscii(cursor, 'the rev')
  if (!isTid(rev)) throw new MalformedError('the rev of a commit is not a TID', cursor.at - rev.length)
  expectKey(cursor, 'sig')
  const sig = readBytes(cursor, 'the signature')
  if (sig.length !== signatureBytes) {
    throw new MalformedError(
      `a signature has ${signatureBytes} bytes, not ${sig.length}`,
      cursor.at - sig.length,
    )
  }
  expectKey(cursor, 'data')
  const data = readLink(cursor, 'the data')
  expectKey(cursor, 'prev')
  const prev = readLinkOrNull(cursor, 'the prev')
  expectKey(cursor, 'version')
  if (bytes[cursor.at] !== 3) throw new MalformedError('expected version 3', cursor.at)
  cursor.at += 1
  expectEnd(cursor, 'the commit')
  return { did, version: 3, data, rev, prev, sig }
}

/**
 * A rev that is greater than `previous`, and now's unless the clock is behind: max(now, previous + 1), in microseconds.
 * `clockId`: 0 to 1023, the same for a server's life.
 */
export function nextRev(previous: string | undefined, nowMs: number, clockId: number): string {
  const now = Math.floor(nowMs * 1000)
  if (previous === undefined) return createTid(now, clockId)
  if (!isTid(previous)) throw new MalformedError('the previous rev is not a TID', 0)
  return createTid(Math.max(now, parseTid(previous).timestamp + 1), clockId)
}

function encodeCommit(
  commit: UnsignedCommit & { readonly prev: Cid | null },
  sig: Uint8Array | null,
): Uint8Array {
  const { did, rev, data, prev } = commit
  const length =
    1 +
    (4 + asciiLength(did)) +
    (4 + asciiLength(rev)) +
    (sig === null ? 0 : 4 + headLength(sig.length) + sig.length) +
    (5 + cborCidLength) +
    (5 + (prev === null ? 1 : cborCidLength)) +
    (8 + 1)
  const out = new Uint8Array(length)
  out[0] = sig === null ? 0xa5 : 0xa6
  let at = writeAscii(out, writeKey(out, 1, 'did'), did)
  at = writeAscii(out, writeKey(out, at, 'rev'), rev)
  if (sig !== null) {
    at = writeHead(out, writeKey(out, at, 'sig'), majorBytes, sig.length)
    out.set(sig, at)
    at += sig.length
  }
  at = writeLinkOrNull(out, writeKey(out, at, 'data'), data)
  at = writeLinkOrNull(out, writeKey(out, at, 'prev'), prev)
  at = writeKey(out, at, 'version')
  out[at] = 3
  return out
}
