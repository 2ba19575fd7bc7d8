/** Frames that have come and wait to be handled, one after another. */
import type { WillowReader } from '../willow/wire.ts'
import { type FrameType, SyncError } from './contract.ts'

export interface Received {
  readonly type: FrameType
  readonly reader: WillowReader
  /** How many frames of entries and payloads came before it. */
  readonly after: number
}

export interface Inbox {
  /** Throws SyncError when the other side sends more than it may have under way. */
  put(frame: Received): void
  /** Handles frames until the inbox is closed and empty. */
  drain(handle: (frame: Received) => Promise<void>): Promise<void>
  /** Whether nothing waits, and nothing is being handled. */
  idle(): boolean
  close(): void
}

/** Bytes of frames that wait: what is allowed by number may be too much by size. */
const bytesMax = 8 * 1024 * 1024

/** Holds at most `framesMax`, the one that is being handled included. */
export function createInbox(framesMax: number): Inbox {
  const frames: Received[] = []
  let bytes = 0
  let handling = false
  let closed = false
  let wake = () => {}
  return {
    put: frame => {
      bytes += frame.reader.bytes.length
      if (frames.length + (handling ? 1 : 0) >= framesMax || bytes > bytesMax)
        throw new SyncError('protocol', 'expected no more frames than there was room for')
      frames.push(frame)
      wake()
    },
    drain: async handle => {
      for (;;) {
        const frame = frames.shift()
        if (frame !== undefined) {
          handling = true
          await handle(frame)
          handling = false
          bytes -= frame.reader.bytes.length
        } else if (closed) return
        else
          await new Promise<void>(resolve => {
            wake = resolve
          })
      }
    },
    idle: () => !handling && frames.length === 0,
    close: () => {
      closed = true
      wake()
    },
  }
}
