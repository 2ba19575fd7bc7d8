/** Two ends in one process: for tests, and for stores that live side by side. */
import type { Transport } from './contract.ts'

/** Frames that wait at one end before the other side's `send` waits. */
const waitingMax = 32

export interface TransportPair {
  readonly client: Transport
  readonly server: Transport
  /** Bytes that went each way. */
  readonly bytes: { toServer: number; toClient: number }
}

export function memoryTransport(): TransportPair {
  const bytes = { toServer: 0, toClient: 0 }
  const up = createPipe(count => {
    bytes.toServer += count
  })
  const down = createPipe(count => {
    bytes.toClient += count
  })
  const close = () => {
    up.close()
    down.close()
  }
  return {
    client: { send: up.send, frames: down.frames, close },
    server: { send: down.send, frames: up.frames, close },
    bytes,
  }
}

function createPipe(count: (bytes: number) => void) {
  const frames: Uint8Array[] = []
  let closed = false
  let wakeReader = () => {}
  let wakeWriters: (() => void)[] = []
  const taken = () => {
    const all = wakeWriters
    wakeWriters = []
    for (const wake of all) wake()
  }
  async function* read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const frame = frames.shift()
      if (frame !== undefined) {
        taken()
        yield frame
      } else if (closed) return
      else
        await new Promise<void>(resolve => {
          wakeReader = resolve
        })
    }
  }
  return {
    frames: read(),
    send: async (frame: Uint8Array): Promise<void> => {
      while (frames.length >= waitingMax && !closed)
        await new Promise<void>(resolve => wakeWriters.push(resolve))
      if (closed) throw new Error('the other end is closed')
      count(frame.length)
      frames.push(frame.slice())
      wakeReader()
    },
    close: () => {
      closed = true
      wakeReader()
      taken()
    },
  }
}
