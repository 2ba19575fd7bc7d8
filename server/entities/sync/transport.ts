/** A WebSocket as the library's sync sees it: whole frames in, whole frames out, and each side waits for the other. */
import type { Transport } from '@leaf/entities/sync/contract'
import type { RawData, WebSocket } from 'ws'
import type { Clock } from '../../kernel/clock.ts'

/** Frames that have come and nobody has read; above it nothing more is read from the socket. */
const waitingMax = 8
/** How long the closing handshake may take. */
const closeMs = 5000

/** `webSocket` is open, and nobody else reads it. */
export function socketTransport(webSocket: WebSocket, clock: Pick<Clock, 'after'>): Transport {
  const waiting: Uint8Array[] = []
  let over = webSocket.readyState !== webSocket.OPEN
  let wake = () => {}

  webSocket.on('message', (data: RawData, isBinary: boolean) => {
    // Text is no frame; an empty frame is refused as one.
    waiting.push(isBinary ? bytesOf(data) : new Uint8Array())
    if (waiting.length >= waitingMax) webSocket.pause()
    wake()
  })
  webSocket.once('close', () => {
    over = true
    wake()
  })
  // A close follows.
  webSocket.on('error', () => undefined)
  if (webSocket.isPaused) webSocket.resume()

  async function* frames(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const frame = waiting.shift()
      if (frame !== undefined) {
        if (waiting.length === 0 && webSocket.isPaused) webSocket.resume()
        yield frame
      } else if (over) return
      else
        await new Promise<void>(resolve => {
          wake = resolve
        })
    }
  }

  return {
    frames: frames(),
    send: frame =>
      new Promise((resolve, reject) => {
        if (webSocket.readyState !== webSocket.OPEN) reject(new Error('the connection has ended'))
        else webSocket.send(frame, error => (error ? reject(error) : resolve()))
      }),
    close: () => {
      if (over) return
      // A paused socket never reads the other side's close.
      if (webSocket.isPaused) webSocket.resume()
      webSocket.close(1000)
      const cancel = clock.after(closeMs, () => webSocket.terminate())
      webSocket.once('close', cancel)
    },
  }
}

function bytesOf(data: RawData): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  // No Buffers: their `slice` is a view, where the library wants copies.
  const { buffer, byteOffset, length } = Array.isArray(data) ? Buffer.concat(data) : data
  return new Uint8Array(buffer, byteOffset, length)
}
