import { connect } from 'node:net'

/** Sends `text` as it is, and gives everything that comes back until the connection ends. */
export function sendRaw(
  port: number,
  text: string,
  options: { readonly halfOpen?: boolean } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(received))
    if (options.halfOpen === true) socket.write(text)
    else socket.end(text)
  })
}
