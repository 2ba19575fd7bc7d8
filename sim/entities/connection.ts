/** Connections that go wrong: cut after some frames with all that is under way, or with bits that flip. */
import type { Transport } from '@leaf/entities/sync/contract'
import { memoryTransport } from '@leaf/entities/sync/memory-transport'

export interface Faults {
  /** Frames that arrive, over both directions; the next one and all behind it are lost with the connection. */
  readonly cutAfter?: number
  /** What becomes of a frame on its way. */
  readonly bend?: (frame: Uint8Array, direction: 'up' | 'down') => Uint8Array
}

export interface Connection {
  readonly client: Transport
  readonly server: Transport
  /** Frames that have arrived. */
  arrived(): number
  readonly bytes: { toServer: number; toClient: number }
}

export function faultyConnection({ cutAfter = Number.POSITIVE_INFINITY, bend }: Faults = {}): Connection {
  const pair = memoryTransport()
  let arrived = 0
  async function* through(frames: AsyncIterable<Uint8Array>, direction: 'up' | 'down') {
    for await (const frame of frames) {
      if (arrived >= cutAfter) {
        pair.client.close()
        return
      }
      arrived += 1
      yield bend === undefined ? frame : bend(frame, direction)
    }
  }
  return {
    client: { ...pair.client, frames: through(pair.client.frames, 'down') },
    server: { ...pair.server, frames: through(pair.server.frames, 'up') },
    arrived: () => arrived,
    bytes: pair.bytes,
  }
}
