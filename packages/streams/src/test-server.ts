/** What the client's tests share: a server of the protocol that does what a test says, and pages that are collected. */
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { encodeDrisl } from '@leaf/codec/drisl'
import { Server, type Socket } from 'socket.io'
import parser from 'socket.io-msgpack-parser'
import { createClient, type LeafClient, type Page } from './client.ts'
import type { Authenticator, ClientOptions, ClientPlatform } from './client-types.ts'
import { nodePlatform } from './node/client.ts'
import { encodeSqlValue } from './wire.ts'

type Handler = (argument: Uint8Array, answer: (bytes: Uint8Array) => void, socket: Socket) => void

/** A server of the protocol that does what the test says; what it answers is read by the client under test. */
export async function serve(t: TestContext, handlers: Readonly<Record<string, Handler>>) {
  const http = createServer((_, response) =>
    response.setHeader('content-type', 'text/html').end('<!doctype html>'),
  )
  const io = new Server(http, { parser })
  const sockets: Socket[] = []
  io.on('connection', socket => {
    sockets.push(socket)
    for (const [event, handler] of Object.entries(handlers)) {
      socket.on(event, (argument: Buffer, answer: (data: Buffer) => void) =>
        handler(new Uint8Array(argument), bytes => answer(Buffer.from(bytes)), socket),
      )
    }
    const { token } = socket.handshake.auth
    if (token === 'bad') {
      socket.emit('error', 'Error validating auth token: no')
      socket.disconnect()
    } else socket.emit('authenticated', { did: typeof token === 'string' ? token : null })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.after(() => io.close())
  const { port } = http.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    sockets,
    /** Ends the newest connection as a lost network does. */
    cut: () => sockets.at(-1)?.conn.close(),
  }
}

interface Connect {
  readonly authenticator?: Authenticator
  readonly options?: ClientOptions
  readonly platform?: Partial<ClientPlatform>
}

export function connect(
  t: TestContext,
  url: string,
  { platform = {}, options = {}, ...rest }: Connect = {},
): LeafClient {
  const client = createClient({
    url,
    ...rest,
    options: { reconnectMs: 5, ...options },
    platform: { ...nodePlatform, ...platform },
  })
  t.after(() => client.disconnect())
  return client
}

export const rowsOf = (...idxs: number[]) =>
  encodeDrisl(idxs.map(idx => ({ idx: encodeSqlValue({ kind: 'integer', value: BigInt(idx) }) })))

export const ulid = (n: number) => String(n).padStart(26, '0')

/** Collects pages until a test has enough. */
export function createPages() {
  const pages: Page[] = []
  let wake = () => {}
  return {
    take: (page: Page) => {
      pages.push(page)
      wake()
    },
    /** The idxs of all rows, once `count` pages have come. */
    idxs: async (count: number): Promise<unknown[]> => {
      while (pages.length < count) await new Promise<void>(resolve => (wake = resolve))
      return pages.flatMap(page => (page.ok ? page.rows.map(row => row['idx']) : [page.error.code]))
    },
  }
}
