/**
 * Frames as WebSocket messages, ready to be written to sockets: encoded once, the same bytes for every subscriber.
 * https://www.rfc-editor.org/rfc/rfc6455#section-5.2
 */
import type { LoggedEvent } from '../database/sequencer.ts'

/** A final frame of a binary message, unmasked, as servers send them. */
const binaryMessage = 0x82

// Followers at one place get one array, so its bytes are joined once for all of them.
const joined = new WeakMap<readonly LoggedEvent[], Buffer>()

/** The messages of a batch, behind one another. */
export function wireBytes(batch: readonly LoggedEvent[]): Buffer {
  const known = joined.get(batch)
  if (known !== undefined) return known
  const bytes = joinMessages(batch.map(event => event.frame))
  joined.set(batch, bytes)
  return bytes
}

/** One message. */
export function messageBytes(frame: Uint8Array): Buffer {
  return joinMessages([frame])
}

function joinMessages(frames: readonly Uint8Array[]): Buffer {
  let length = 0
  for (const frame of frames) length += headLength(frame.length) + frame.length
  const out = Buffer.allocUnsafe(length)
  let at = 0
  for (const frame of frames) {
    at = writeHead(out, at, frame.length)
    out.set(frame, at)
    at += frame.length
  }
  return out
}

function headLength(length: number): number {
  return length < 126 ? 2 : length < 0x10000 ? 4 : 10
}

function writeHead(out: Buffer, at: number, length: number): number {
  out[at] = binaryMessage
  if (length < 126) {
    out[at + 1] = length
    return at + 2
  }
  if (length < 0x10000) {
    out[at + 1] = 126
    return out.writeUInt16BE(length, at + 2)
  }
  out[at + 1] = 127
  return out.writeBigUInt64BE(BigInt(length), at + 2)
}
