import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Problem } from './answer.ts'

/** Refuses an upgrade before its handshake with an ordinary HTTP answer. */
export function answerUpgradeProblem(socket: Duplex, problem: Problem): void {
  if (socket.destroyed || !socket.writable) return
  const body = Buffer.from(JSON.stringify({ error: problem.error, message: problem.message }))
  const headers = {
    connection: 'close',
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(body.length),
    'x-request-id': problem.requestId,
    ...problem.headers,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? 'Refused'}\r\n${lines.join('')}\r\n`
  socket.once('finish', () => socket.destroy())
  socket.end(Buffer.concat([Buffer.from(head), body]))
}
