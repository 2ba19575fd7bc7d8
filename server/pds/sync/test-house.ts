/** What the tests of this room build on: a real database, a real HTTP server, real WebSocket clients. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode } from '@atcute/cbor'
import { decodeFirst } from '@atcute/cbor'
import { WebSocket } from 'ws'
import { type Clock, createManualClock, type ManualClock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { RequestContext, UpgradeRoute } from '../../kernel/http/route.ts'
import type { Did } from '../../kernel/identity/types.ts'
import { silentLogger } from '../../kernel/log.ts'
import { noMetrics } from '../../kernel/metrics.ts'
import type { Database, ReadTx } from '../../kernel/storage/database.ts'
import { openSqlite } from '../../kernel/storage/sqlite.ts'
import { migrations } from '../database/schema.ts'
import type { Sequencer } from './events.ts'
import { createFirehose, type Firehose, type FirehoseOptions } from './firehose.ts'
import { createEventLog } from './log.ts'
import { createSequencer } from './sequencer.ts'

export const alice: Did = 'did:plc:alicealicealicealicealic'
export const bob: Did = 'did:plc:bobbobbobbobbobbobbobbobb'

export interface TestDatabase {
  readonly database: Database
  readonly folder: string
  close(): Promise<void>
}

/** A fresh SQLite database with the PDS's tables. */
export async function openTestDatabase(clock: Clock): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'leaf-sync-'))
  const database = await openSqlite({ path: join(folder, 'leaf.sqlite'), clock })
  await database.migrate('pds', migrations)
  return {
    database,
    folder,
    close: async () => {
      await database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export async function lastSeq(tx: ReadTx): Promise<number> {
  const row = await tx.get<{ seq: number }>('SELECT seq FROM pds_sequencer ORDER BY seq DESC LIMIT 1')
  return row?.seq ?? 0
}

export interface SyncHouse extends TestDatabase {
  readonly clock: ManualClock
  readonly sequencer: Sequencer
  readonly firehose: Firehose
  readonly url: string
  /** Appends #identity events; gives the last seq. */
  append(count: number, did?: Did): Promise<number>
  connect(query?: string): TestSubscriber
}

/** A firehose over HTTP, on a clock that is moved by hand. */
export async function openSyncHouse(settings: Partial<FirehoseOptions> = {}): Promise<SyncHouse> {
  const clock = createManualClock()
  const opened = await openTestDatabase(clock)
  const { database } = opened
  const sequencer = createSequencer({ clock, nextSeq: async tx => (await lastSeq(tx)) + 1 })
  const log = createEventLog({ database, clock })
  const firehose = createFirehose({
    database,
    log,
    lastSeq,
    clock,
    logger: silentLogger,
    metrics: noMetrics,
    windowMs: 72 * 3_600_000,
    socketsMax: 100,
    socketsPerAddressMax: 50,
    ...settings,
  })
  firehose.start()
  const server = await serveUpgrades(firehose.route)
  const subscribers: TestSubscriber[] = []
  return {
    ...opened,
    clock,
    sequencer,
    firehose,
    url: server.url,
    append: async (count, did = alice) => {
      const seqs = await Promise.all(
        Array.from({ length: count }, (_, index) =>
          database.write(tx => sequencer.identity(tx, { did, handle: `n${index}.test` })),
        ),
      )
      return Math.max(...seqs)
    },
    connect: (query = '') => {
      const subscriber = subscribe(`${server.url}/xrpc/com.atproto.sync.subscribeRepos${query}`)
      subscribers.push(subscriber)
      return subscriber
    },
    close: async () => {
      for (const subscriber of subscribers) subscriber.socket.terminate()
      await firehose.stop(1000)
      log.close()
      await server.close()
      await opened.close()
    },
  }
}

async function serveUpgrades(route: UpgradeRoute) {
  const server = createServer()
  server.on('upgrade', (request, socket, head) => {
    const context: RequestContext = {
      id: 'test',
      address: '127.0.0.1',
      secure: false,
      host: 'localhost',
      signal: new AbortController().signal,
    }
    Promise.resolve(route.upgrade(request, socket, head, context)).catch((error: unknown) => {
      const limited = error instanceof Refusal && error.code === 'limited'
      socket.end(
        `HTTP/1.1 ${limited ? '429 Too Many Requests' : '503 Service Unavailable'}\r\nConnection: close\r\n\r\n`,
      )
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `ws://127.0.0.1:${port}`,
    close: () => new Promise<void>(resolve => void server.close(() => resolve())),
  }
}

export interface Message {
  readonly header: { readonly op: number; readonly t?: string }
  readonly body: Readonly<Record<string, unknown>>
}

export interface TestSubscriber {
  readonly socket: WebSocket
  readonly messages: readonly Message[]
  readonly raw: readonly Buffer[]
  /** Resolves when so many messages have come. */
  until(count: number): Promise<readonly Message[]>
  seqs(): number[]
  readonly opened: Promise<void>
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
}

/** Two DAG-CBOR items behind one another. */
export function decodeMessage(bytes: Uint8Array): Message {
  const [header, rest] = decodeFirst(bytes)
  return { header, body: decode(rest) }
}

function subscribe(url: string): TestSubscriber {
  const socket = new WebSocket(url)
  const messages: Message[] = []
  const raw: Buffer[] = []
  let waiting: { count: number; resolve: (all: readonly Message[]) => void }[] = []
  socket.on('message', (data: Buffer) => {
    raw.push(data)
    messages.push(decodeMessage(data))
    const ready = waiting.filter(one => messages.length >= one.count)
    waiting = waiting.filter(one => messages.length < one.count)
    for (const one of ready) one.resolve(messages)
  })
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })
  opened.catch(() => undefined)
  const closed = new Promise<{ code: number; reason: string }>(resolve =>
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  )
  return {
    socket,
    messages,
    raw,
    until: count =>
      messages.length >= count
        ? Promise.resolve(messages)
        : new Promise(resolve => waiting.push({ count, resolve })),
    seqs: () =>
      messages.flatMap(message => (typeof message.body['seq'] === 'number' ? [message.body['seq']] : [])),
    opened,
    closed,
  }
}
