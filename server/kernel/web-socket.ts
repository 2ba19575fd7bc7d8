/** WebSockets of programs that are clients: they call who their user names. */
import { WebSocket } from 'ws'

/** How long the other side may take to answer the handshake. */
const handshakeMs = 15_000

/** Opens a WebSocket (`ws://`, `wss://`); `bytesMax` bounds a message. Throws when there is none. */
export function openWebSocket(url: string, { bytesMax }: { readonly bytesMax: number }): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(url, {
      handshakeTimeout: handshakeMs,
      maxPayload: bytesMax,
      perMessageDeflate: false,
      followRedirects: false,
    })
    // Nothing that comes with the handshake's answer is lost: whoever listens resumes.
    webSocket.once('open', () => {
      webSocket.off('error', reject)
      webSocket.pause()
      resolve(webSocket)
    })
    webSocket.once('error', reject)
  })
}
