/** Events of a log as HTTP shows them. */
import { encodeDrisl } from '@leaf/codec/drisl'
import type { ChainedEvent } from '../stream/contract.ts'

const base64 = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** One event in JSON; bytes are base64. */
export function jsonOfEvent(event: ChainedEvent): string {
  return JSON.stringify({
    idx: event.idx,
    user: event.user,
    payload: base64(event.payload),
    signature: base64(event.signature),
    prevHash: base64(event.prevHash),
    ...(event.headSignature === undefined ? {} : { headSignature: base64(event.headSignature) }),
  })
}

/** `{"events": [...]}` in JSON. */
export function jsonOfEvents(events: readonly ChainedEvent[]): string {
  return `{"events":[${events.map(jsonOfEvent).join(',')}]}`
}

/** `{"events": [...]}` in DRISL. */
export function drislOfEvents(events: readonly ChainedEvent[]): Uint8Array {
  return encodeDrisl({
    events: events.map(({ idx, user, payload, signature, prevHash, headSignature }) => ({
      idx,
      user,
      payload,
      signature,
      prevHash,
      headSignature,
    })),
  })
}
