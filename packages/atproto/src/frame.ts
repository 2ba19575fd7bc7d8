/**
 * Frames of the firehose, `com.atproto.sync.subscribeRepos`: two DAG-CBOR items behind one another, header and body.
 * https://atproto.com/specs/event-stream and https://atproto.com/specs/sync
 */
import { BytesWrapper, encode } from '@atcute/cbor'
import {
  asciiLength,
  cborCidLength,
  headLength,
  majorArray,
  majorBytes,
  majorUint,
  writeAscii,
  writeHead,
  writeKey,
  writeLinkOrNull,
} from './cbor.ts'
import type { Cid } from './cid.ts'
import type { CommitOp } from './proof.ts'

/** A change of a repository. */
export interface CommitEvent {
  readonly repo: string
  readonly commit: Cid
  readonly rev: string
  /** The rev before; null for the first commit. */
  readonly since: string | null
  /** A CAR: commit as root, covering proofs, new records. */
  readonly blocks: Uint8Array
  readonly ops: readonly CommitOp[]
  /** The root before; null for the first commit. */
  readonly prevData: Cid | null
  /** ISO 8601, as in all events: when the server took note. */
  readonly time: string
}

/** The state of a repository, for those who lost track. `blocks`: a CAR with the commit alone. */
export interface SyncEvent {
  readonly did: string
  readonly rev: string
  readonly blocks: Uint8Array
  readonly time: string
}

/** Something about an identity changed: resolve it anew. */
export interface IdentityEvent {
  readonly did: string
  readonly handle?: string
  readonly time: string
}

/** An account's hosting status changed. `status` is absent while active. */
export interface AccountEvent {
  readonly did: string
  readonly active: boolean
  /** `takendown | suspended | deleted | deactivated | desynchronized | throttled` */
  readonly status?: string
  readonly time: string
}

const commitHeader = encode({ op: 1, t: '#commit' })
const syncHeader = encode({ op: 1, t: '#sync' })
const identityHeader = encode({ op: 1, t: '#identity' })
const accountHeader = encode({ op: 1, t: '#account' })
const infoHeader = encode({ op: 1, t: '#info' })
const errorHeader = encode({ op: -1 })

/**
 * A #commit frame, with the deprecated fields that its schema still requires. Written by hand into one buffer, as it is
 * made for each commit; texts must be ASCII, as DIDs, paths, revs and times are (MalformedError).
 */
export function encodeCommitFrame(seq: number, event: CommitEvent): Uint8Array {
  const { ops, rev, repo, time, since, blocks, commit, prevData } = event
  const out = new Uint8Array(commitFrameLength(seq, event))
  out.set(commitHeader, 0)
  let at = commitHeader.length
  out[at] = prevData === null ? 0xab : 0xac
  at = writeHead(out, writeKey(out, at + 1, 'ops'), majorArray, ops.length)
  for (const op of ops) at = writeOp(out, at, op)
  at = writeAscii(out, writeKey(out, at, 'rev'), rev)
  at = writeHead(out, writeKey(out, at, 'seq'), majorUint, seq)
  at = writeAscii(out, writeKey(out, at, 'repo'), repo)
  at = writeAscii(out, writeKey(out, at, 'time'), time)
  at = writeHead(out, writeKey(out, at, 'blobs'), majorArray, 0)
  at = writeKey(out, at, 'since')
  at = since === null ? writeLinkOrNull(out, at, null) : writeAscii(out, at, since)
  at = writeHead(out, writeKey(out, at, 'blocks'), majorBytes, blocks.length)
  out.set(blocks, at)
  at = writeLinkOrNull(out, writeKey(out, at + blocks.length, 'commit'), commit)
  at = writeFalse(out, writeKey(out, at, 'rebase'))
  at = writeFalse(out, writeKey(out, at, 'tooBig'))
  if (prevData !== null) writeLinkOrNull(out, writeKey(out, at, 'prevData'), prevData)
  return out
}

function commitFrameLength(seq: number, event: CommitEvent): number {
  const { ops, rev, repo, time, since, blocks, prevData } = event
  let length = commitHeader.length + 1
  length += 4 + headLength(ops.length)
  for (const op of ops) {
    length += 1 + 4 + linkLength(op.cid) + 5 + asciiLength(op.path) + 7 + asciiLength(op.action)
    if (op.prev !== null) length += 5 + linkLength(op.prev)
  }
  length += 4 + asciiLength(rev) + 4 + headLength(seq) + 5 + asciiLength(repo) + 5 + asciiLength(time)
  length +=
    6 + 1 + 6 + (since === null ? 1 : asciiLength(since)) + 7 + headLength(blocks.length) + blocks.length
  length += 7 + cborCidLength + 7 + 1 + 7 + 1
  return prevData === null ? length : length + 9 + cborCidLength
}

function writeOp(out: Uint8Array, start: number, op: CommitOp): number {
  out[start] = op.prev === null ? 0xa3 : 0xa4
  let at = writeLinkOrNull(out, writeKey(out, start + 1, 'cid'), op.cid)
  at = writeAscii(out, writeKey(out, at, 'path'), op.path)
  if (op.prev !== null) at = writeLinkOrNull(out, writeKey(out, at, 'prev'), op.prev)
  return writeAscii(out, writeKey(out, at, 'action'), op.action)
}

function writeFalse(out: Uint8Array, at: number): number {
  out[at] = 0xf4
  return at + 1
}

function linkLength(cid: Cid | null): number {
  return cid === null ? 1 : cborCidLength
}

/** A #sync frame. */
export function encodeSyncFrame(seq: number, event: SyncEvent): Uint8Array {
  const { did, rev, blocks, time } = event
  return frame(syncHeader, { did, rev, seq, time, blocks: new BytesWrapper(blocks) })
}

/** An #identity frame. */
export function encodeIdentityFrame(seq: number, event: IdentityEvent): Uint8Array {
  const { did, handle, time } = event
  return frame(identityHeader, { did, seq, time, handle })
}

/** An #account frame. */
export function encodeAccountFrame(seq: number, event: AccountEvent): Uint8Array {
  const { did, active, status, time } = event
  return frame(accountHeader, { did, seq, time, active, status })
}

/** An #info frame (`OutdatedCursor`); it has no seq. */
export function encodeInfoFrame(name: string, message?: string): Uint8Array {
  return frame(infoHeader, { name, message })
}

/** An error frame (`FutureCursor`, `ConsumerTooSlow`); the connection is closed behind it. */
export function encodeErrorFrame(error: string, message?: string): Uint8Array {
  return frame(errorHeader, { error, message })
}

function frame(header: Uint8Array, body: Readonly<Record<string, unknown>>): Uint8Array {
  const encoded = encode(body)
  const out = new Uint8Array(header.length + encoded.length)
  out.set(header, 0)
  out.set(encoded, header.length)
  return out
}
