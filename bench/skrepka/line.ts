import { once } from 'node:events'
import { connect } from 'node:net'

/** An answer: its status and the bytes of its body, which are good until the callback returns. */
export type OnAnswer = (status: number, body: Buffer) => void

/** One keep-alive connection, one request at a time, callbacks instead of promises: the generator shares the machine. */
export interface Line {
  ask(request: Buffer, onAnswer: OnAnswer): void
  close(): void
}

/** An answer longer than this is a fault of the benchmark. */
const answerBytesMax = 64 * 1024 * 1024
const headEnd = Buffer.from('\r\n\r\n')

/** Opens a line; `from` is the loopback address that it comes from. Faults go to `onFault`. */
export async function openLine(options: {
  readonly host: string
  readonly port: number
  readonly from?: string | undefined
  readonly onFault: (error: Error) => void
}): Promise<Line> {
  const { host, port, from, onFault } = options
  const socket = connect({ host, port, noDelay: true, ...(from === undefined ? {} : { localAddress: from }) })
  await once(socket, 'connect')
  let held: Buffer | undefined
  let needed = 0
  let waiting: OnAnswer | undefined
  let closed = false

  socket.on('error', onFault)
  socket.on('close', () => {
    if (!closed) onFault(new Error('the server closed a connection'))
  })
  socket.on('data', chunk => {
    const all = held === undefined ? chunk : Buffer.concat([held, chunk])
    held = undefined
    const end = all.length < needed ? -1 : all.indexOf(headEnd)
    const bodyStart = end + headEnd.length
    const length = end < 0 ? 0 : lengthOf(all.toString('latin1', 0, end))
    if (end < 0 || all.length < bodyStart + length) {
      held = all
      needed = end < 0 ? 0 : bodyStart + length
      if (needed > answerBytesMax) onFault(new Error('the answer is too long'))
      return
    }
    needed = 0
    const onAnswer = waiting
    waiting = undefined
    const status = ((all[9] ?? 0) - 48) * 100 + ((all[10] ?? 0) - 48) * 10 + ((all[11] ?? 0) - 48)
    onAnswer?.(status, all.subarray(bodyStart))
  })
  return {
    ask: (request, onAnswer) => {
      waiting = onAnswer
      socket.write(request)
    },
    close: () => {
      closed = true
      socket.destroy()
    },
  }
}

function lengthOf(head: string): number {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`expected an answer with a length, got ${head}`)
  return Number(length)
}

/** The bytes of a POST of JSON, complete. */
export function postBytes(path: string, token: string | undefined, body: string): Buffer {
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${authorization}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

/** As a promise, for what is not measured. Fails when the answer is no success. */
export function asked(line: Line, request: Buffer): Promise<string> {
  return new Promise((resolve, reject) =>
    line.ask(request, (status, body) => {
      const text = body.toString()
      if (status === 200) resolve(text)
      else reject(new Error(`expected 200, got ${status} ${text.slice(0, 300)}`))
    }),
  )
}
