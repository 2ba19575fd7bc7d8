/**
 * What is signed of events: upstream's signature of a batch, and the chain of hashes from the first event on, which
 * `@leaf/streams/chain` defines and verifies.
 */
import { hash } from 'node:crypto'
import { encodeDrisl, rawDrisl } from '@leaf/codec/drisl'
import { type ChainedEvent, linkBytes } from '@leaf/streams/chain'
import type { SigningKey } from '../../kernel/keys.ts'
import type { StreamDid } from '../host/contract.ts'

/** An event's hash: what the next one names, and, as a message of 32 bytes, what the stream's key signs. */
export function linkHash(did: StreamDid, event: Unlinked): Uint8Array {
  return new Uint8Array(hash('sha256', linkBytes(did, { ...event, headSignature: undefined }), 'buffer'))
}

export type Unlinked = Omit<ChainedEvent, 'headSignature'>

/** Events that one signature of upstream's form covers. */
export interface SignedEvents {
  readonly user: string
  readonly payloads: readonly Uint8Array[]
}

/**
 * Upstream's signature, one for a whole batch: over DRISL of `[{"user", "payload"}, …]`, in which payloads are arrays of
 * integers, not bytes. Empty without a key. Batches that are stored together may share one: it is then over the events
 * of all of them, which are the neighbours that carry it.
 */
export function signBatch(key: SigningKey | undefined, ...batches: readonly SignedEvents[]): Uint8Array {
  return key === undefined ? new Uint8Array(0) : key.sign(batchBytes(...batches))
}

/** The bytes that upstream signs. */
export function batchBytes(...batches: readonly SignedEvents[]): Uint8Array {
  return encodeDrisl(
    batches.flatMap(({ user, payloads }) =>
      payloads.map(payload => ({ user, payload: rawDrisl(integersOf(payload)) })),
    ),
  )
}

/** DRISL of the array of the bytes' values. */
function integersOf(bytes: Uint8Array): Uint8Array {
  const head = arrayHead(bytes.length)
  const out = new Uint8Array(head.length + 2 * bytes.length)
  out.set(head)
  let at = head.length
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] ?? 0
    if (byte >= 24) {
      out[at] = 24
      at += 1
    }
    out[at] = byte
    at += 1
  }
  return out.subarray(0, at)
}

function arrayHead(length: number): Uint8Array {
  if (length < 24) return Uint8Array.of(0x80 | length)
  if (length < 0x100) return Uint8Array.of(0x98, length)
  if (length < 0x10000) return Uint8Array.of(0x99, length >> 8, length & 255)
  return Uint8Array.of(0x9a, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255)
}
