/**
 * The chain of hashes that makes a log checkable by anybody: every event names the hash of the one before it, and the
 * stream's key signs the head of each batch. Hashing and verifying are handed in.
 */
import { encodeDrisl } from '@leaf/codec/drisl'

/** What stands before the first event: 32 zero bytes. */
export const chainStart: Uint8Array = new Uint8Array(32)

/** One event with what verifies it. */
export interface ChainedEvent {
  /** From 1, without holes. */
  readonly idx: number
  readonly user: string
  readonly payload: Uint8Array
  /** Hash of the event before it; `chainStart` for the first. */
  readonly prevHash: Uint8Array
  /** The stream key's signature, on the last event of a batch. */
  readonly headSignature: Uint8Array | undefined
}

/** DRISL of `["leaf.event.v1", streamDid, idx, prevHash, user, payload]`: SHA-256 of it is the event's hash. */
export function linkBytes(streamDid: string, event: ChainedEvent): Uint8Array {
  return encodeDrisl(['leaf.event.v1', streamDid, event.idx, event.prevHash, event.user, event.payload])
}

export interface ChainTools {
  /** 32 bytes. */
  readonly sha256: (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>
  /** Whether the stream's key signed this message (an event's hash, 32 bytes; ECDSA hashes it once more). */
  readonly verify: (message: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>
}

/** Up to where a chain was verified. */
export interface ChainHead {
  readonly idx: number
  readonly hash: Uint8Array
  /** The last idx that a signature covers; what follows it is linked, and not signed yet. */
  readonly signedIdx: number
}

/** Before the first event. */
export const chainBegin: ChainHead = { idx: 0, hash: chainStart, signedIdx: 0 }

/** A log is not what its key signed. */
export class ChainError extends Error {
  override readonly name = 'ChainError'
  /** The first event that is wrong. */
  readonly idx: number

  constructor(idx: number, message: string) {
    super(`event ${idx}: ${message}`)
    this.idx = idx
  }
}

/**
 * Verifies the events that follow `from`, in their order, and gives the new head; call it again with that and the next
 * page. Throws ChainError at the first event that is out of order, names another predecessor or has a wrong signature.
 * A log whose last events nobody signed is no error: compare `signedIdx` with `idx`.
 */
export async function verifyChain(
  streamDid: string,
  events: Iterable<ChainedEvent>,
  tools: ChainTools,
  from: ChainHead = chainBegin,
): Promise<ChainHead> {
  let { idx, hash, signedIdx } = from
  for (const event of events) {
    if (event.idx !== idx + 1) throw new ChainError(event.idx, `expected event ${idx + 1}`)
    if (!sameBytes(event.prevHash, hash))
      throw new ChainError(event.idx, 'names another event before it than the one that is there')
    idx = event.idx
    hash = await tools.sha256(linkBytes(streamDid, event))
    if (event.headSignature === undefined) continue
    if (!(await tools.verify(hash, event.headSignature)))
      throw new ChainError(idx, 'has a signature that is not of the key of this stream')
    signedIdx = idx
  }
  return { idx, hash, signedIdx }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
