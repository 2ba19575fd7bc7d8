/** The process of `subscribers.ts`: WebSockets by hand, because a thousand of them are to cost as little as can be. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { decodeFirst } from '@atcute/cbor'
import { wallClock } from './load.ts'

const url = new URL(process.env['FIREHOSE_URL'] ?? '')
const count = Number(process.env['FIREHOSE_COUNT'])
/** Sockets that are opened at the same time. */
const openingMax = 50

let deliveries = 0
let times = new Map<string, number>()

/** Calls `onFrame` with the payload of every binary frame. Answers pings; expects no fragments. */
function readFrames(socket: Socket, onFrame: ((payload: Buffer) => void) | undefined): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', chunk => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let position = 0
    for (;;) {
      if (bytes.length - position < 2) break
      let length = (bytes[position + 1] ?? 0) & 0x7f
      let start = position + 2
      if (length === 126) {
        if (bytes.length - start < 2) break
        length = bytes.readUInt16BE(start)
        start += 2
      } else if (length === 127) {
        if (bytes.length - start < 8) break
        length = Number(bytes.readBigUInt64BE(start))
        start += 8
      }
      if (bytes.length - start < length) break
      const opcode = (bytes[position] ?? 0) & 0x0f
      const payload = bytes.subarray(start, start + length)
      if (opcode === 2) {
        deliveries += 1
        onFrame?.(payload)
      } else if (opcode === 9) {
        socket.write(Buffer.concat([Buffer.from([0x8a, 0x80 | payload.length, 0, 0, 0, 0]), payload]))
      }
      position = start + length
    }
    rest = position === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(position))
  })
}

function noteCommit(payload: Buffer): void {
  const at = wallClock()
  const [header, body] = decodeFirst(payload) as [{ t?: string }, Uint8Array]
  if (header.t !== '#commit') return
  const [{ ops }] = decodeFirst(body) as [{ ops: readonly { path: string }[] }, Uint8Array]
  for (const op of ops) times.set(op.path, at)
}

async function open(first: boolean): Promise<void> {
  const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true })
  await once(socket, 'connect')
  socket.write(
    [
      'GET /xrpc/com.atproto.sync.subscribeRepos HTTP/1.1',
      `Host: ${url.host}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      '\r\n',
    ].join('\r\n'),
  )
  const [head] = (await once(socket, 'data')) as [Buffer]
  const text = head.toString('latin1')
  if (!text.startsWith('HTTP/1.1 101')) throw new Error(`expected 101, got ${text.slice(0, 200)}`)
  readFrames(socket, first ? noteCommit : undefined)
  const early = head.subarray(head.indexOf('\r\n\r\n') + 4)
  if (early.length > 0) socket.emit('data', early)
}

for (let n = 0; n < count; n += openingMax) {
  await Promise.all(Array.from({ length: Math.min(openingMax, count - n) }, (_, i) => open(n + i === 0)))
}
process.on('message', () => {
  process.send?.({ deliveries, times })
  deliveries = 0
  times = new Map()
})
process.once('disconnect', () => process.exit(0))
process.once('SIGTERM', () => process.exit(0))
process.send?.('ready')
