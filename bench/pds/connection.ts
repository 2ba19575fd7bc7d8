import { once } from 'node:events'
import { connect } from 'node:net'

/** A response longer than this is a fault of the benchmark. */
const responseBytesMax = 64 * 1024 * 1024

export interface Reply {
  readonly status: number
  readonly body: Buffer
}

/** One keep-alive connection; one request at a time. */
export interface Connection {
  request(bytes: Buffer): Promise<Reply>
  close(): void
}

/**
 * HTTP/1.1 over a bare socket, with requests that are made beforehand: the cheapest client there is, so that the
 * generator of the load is not what is measured. Understands Content-Length and chunked answers.
 */
export async function openConnection(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  let received: Buffer[] = []
  let receivedBytes = 0
  let waiting: { resolve(reply: Reply): void; reject(error: Error): void; needBytes: number } | undefined

  const fail = (error: Error) => {
    waiting?.reject(error)
    waiting = undefined
  }
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the server closed the connection')))
  socket.on('data', chunk => {
    received.push(chunk)
    receivedBytes += chunk.length
    if (waiting === undefined || receivedBytes < waiting.needBytes) return
    const all = received.length === 1 ? chunk : Buffer.concat(received)
    const parsed = parseReply(all)
    if (typeof parsed === 'number') {
      waiting.needBytes = parsed
      received = [all]
      if (receivedBytes > responseBytesMax) fail(new Error('the answer is too long'))
      return
    }
    const { resolve } = waiting
    waiting = undefined
    received = []
    receivedBytes = 0
    resolve(parsed)
  })
  return {
    request: bytes =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject, needBytes: 1 }
        socket.write(bytes)
      }),
    close: () => socket.destroy(),
  }
}

/** The reply that `bytes` hold, or how many bytes there must be before it is worth trying again. */
function parseReply(bytes: Buffer): Reply | number {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return bytes.length + 1
  const head = bytes.toString('latin1', 0, headEnd)
  const status = Number(head.slice(9, 12))
  const bodyStart = headEnd + 4
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    const end = bodyStart + Number(length)
    return bytes.length < end ? end : { status, body: bytes.subarray(bodyStart, end) }
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, body: bytes.subarray(bodyStart) }
  return parseChunks(bytes, bodyStart, status)
}

function parseChunks(bytes: Buffer, start: number, status: number): Reply | number {
  const parts: Buffer[] = []
  let position = start
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', position)
    if (lineEnd === -1) return bytes.length + 1
    const size = Number.parseInt(bytes.toString('latin1', position, lineEnd), 16)
    const end = lineEnd + 2 + size + 2
    if (bytes.length < end) return end
    if (size === 0) return { status, body: Buffer.concat(parts) }
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    position = end
  }
}

/** The bytes of a request, complete. */
export function requestBytes(
  url: string,
  request: {
    readonly method: string
    readonly path: string
    readonly token?: string
    readonly json?: unknown
  },
): Buffer {
  const body = request.json === undefined ? '' : JSON.stringify(request.json)
  const lines = [
    `${request.method} ${request.path} HTTP/1.1`,
    `Host: ${new URL(url).host}`,
    'Connection: keep-alive',
    ...(request.token === undefined ? [] : [`Authorization: Bearer ${request.token}`]),
    ...(request.json === undefined
      ? []
      : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`]),
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`)
}
