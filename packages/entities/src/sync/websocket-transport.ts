/** A client's WebSocket as a transport: that of a browser, of Node, or of a library that has the same events. */
import { SyncError, syncLimits, type Transport } from './contract.ts'

/** What is needed of a WebSocket. */
export interface WebSocketLike {
  binaryType: string
  /** 0 connecting, 1 open. */
  readonly readyState: number
  send(data: Uint8Array<ArrayBuffer>): void
  close(): void
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
}

/** Frames that have come and were not read: those with credit, and answers. More than a link lets wait is a fault. */
const waitingMax = syncLimits.creditFrames + syncLimits.answersMax

/**
 * Resolves when the socket is open; throws SyncError `unavailable` when it could not be opened. Bytes that wait to be sent
 * are bounded by the credit that the other side gives, as a browser does not say when it has sent them.
 */
export async function webSocketTransport(socket: WebSocketLike): Promise<Transport> {
  const waiting: Uint8Array[] = []
  const opened = Promise.withResolvers<void>()
  let over = false
  let wake = () => {}
  const end = () => {
    over = true
    opened.reject(new SyncError('unavailable', 'expected a connection to the server'))
    wake()
  }
  socket.binaryType = 'arraybuffer'
  socket.addEventListener('open', () => opened.resolve())
  socket.addEventListener('error', end)
  socket.addEventListener('close', end)
  socket.addEventListener('message', ({ data }) => {
    if (waiting.length > waitingMax) return socket.close()
    // Text is no frame; an empty frame is refused as one.
    waiting.push(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array())
    return wake()
  })
  if (socket.readyState === 1) opened.resolve()
  await opened.promise

  async function* frames(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const frame = waiting.shift()
      if (frame !== undefined) yield frame
      else if (over) return
      else
        await new Promise<void>(resolve => {
          wake = resolve
        })
    }
  }
  return {
    frames: frames(),
    send: async frame => {
      if (over || socket.readyState !== 1) throw new SyncError('closed', 'the connection has ended')
      socket.send(new Uint8Array(frame))
    },
    close: () => socket.close(),
  }
}
