/**
 * Frames of the firehose, `com.atproto.sync.subscribeRepos`: two DAG-CBOR items behind one another, header and body.
 * https://atproto.com/specs/event-stream and https://atproto.com/specs/sync
 */
import { BytesWrapper, CidLinkWrapper, encode } from '@atcute/cbor'
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

/** A #commit frame, with the deprecated fields that its schema still requires. */
export function encodeCommitFrame(seq: number, event: CommitEvent): Uint8Array {
  return frame(commitHeader, {
    ops: event.ops.map(op => ({
      cid: op.cid === null ? null : new CidLinkWrapper(op.cid),
      path: op.path,
      prev: op.prev === null ? undefined : new CidLinkWrapper(op.prev),
      action: op.action,
    })),
    rev: event.rev,
    seq,
    repo: event.repo,
    time: event.time,
    blobs: [],
    since: event.since,
    blocks: new BytesWrapper(event.blocks),
    commit: new CidLinkWrapper(event.commit),
    rebase: false,
    tooBig: false,
    prevData: event.prevData === null ? undefined : new CidLinkWrapper(event.prevData),
  })
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
