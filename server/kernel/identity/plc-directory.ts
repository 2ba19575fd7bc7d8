/**
 * An embedded PLC directory for development: the real directory's HTTP on a port of its own, its operations in the
 * house's database. Never started in production.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import { Refusal } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Database } from '../storage/database.ts'
import { createPlcLog, loadPlcLibrary, type PlcEntry, type PlcLog } from './plc-log.ts'

export interface PlcDirectoryDependencies {
  readonly database: Database
  readonly clock: Clock
  readonly log: Logger
  /** Shown by `/_health`. */
  readonly version: string
}

export interface PlcDirectory {
  /** Listens on `port`, or on the next one that is free; 0: any. Gives the base URL. */
  start(options: { readonly port: number; readonly host?: string }): Promise<string>
  /** Ends connections and stops listening. */
  stop(): Promise<void>
}

const portsTried = 50
const bodyBytesMax = 100 * 1024
const exportMax = 1000
const connectionsMax = 512

/** A directory that does not listen yet. */
export function createPlcDirectory(dependencies: PlcDirectoryDependencies): PlcDirectory {
  const log = createPlcLog(dependencies)
  const server = createServer((request, response) => {
    answer(request, log, dependencies).then(
      reply => send(response, reply),
      (error: unknown) => {
        dependencies.log.error({ error, url: request.url }, 'the PLC directory failed to answer')
        send(response, { status: 500, json: { message: 'Internal Server Error' } })
      },
    )
  })
  server.maxConnections = connectionsMax
  return {
    start: async ({ port, host = '127.0.0.1' }) => {
      await log.open()
      const bound = await listenFrom(server, port, host)
      return `http://${host === '127.0.0.1' ? 'localhost' : host}:${bound}`
    },
    stop: () => {
      if (!server.listening) return Promise.resolve()
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeAllConnections()
      return closed
    },
  }
}

async function listenFrom(server: Server, first: number, host: string): Promise<number> {
  for (let port = first; port < first + portsTried; port += 1) {
    if (await tryListen(server, port, host)) {
      const address = server.address()
      return typeof address === 'object' && address !== null ? address.port : port
    }
  }
  throw new Error(`the PLC directory found no free port from ${first} to ${first + portsTried - 1}`)
}

/** Whether it listens now; false when the port is taken. */
function tryListen(server: Server, port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      server.off('listening', listening)
      if ('code' in error && error.code === 'EADDRINUSE' && port !== 0) resolve(false)
      else reject(error)
    }
    const listening = () => {
      server.off('error', failed)
      resolve(true)
    }
    server.once('error', failed)
    server.once('listening', listening)
    server.listen(port, host)
  })
}

interface Reply {
  readonly status: number
  readonly json?: unknown
  readonly text?: string
  /** Default: `application/json`, or `text/plain` for text. */
  readonly type?: string
}

async function answer(
  request: IncomingMessage,
  log: PlcLog,
  { database, version }: PlcDirectoryDependencies,
): Promise<Reply> {
  const url = URL.parse(request.url ?? '/', 'http://localhost')
  if (url === null) return { status: 400, json: { message: 'Bad Request' } }
  if (request.method === 'OPTIONS') return { status: 204, text: '' }
  const [first = '', ...rest] = url.pathname.slice(1).split('/')
  const path = rest.join('/')
  if (request.method === 'POST' && path === '') return submit(request, log, decodeSegment(first))
  if (request.method !== 'GET' && request.method !== 'HEAD') return notFound(request, url)
  if (url.pathname === '/') return { status: 200, text: `Leaf's PLC directory for development\n` }
  if (url.pathname === '/_health') {
    await database.check()
    return { status: 200, json: { version } }
  }
  if (url.pathname === '/export') return exportLines(log, url.searchParams)
  const show = views[path]
  if (show === undefined) return notFound(request, url)
  const did = decodeSegment(first)
  const entries = await log.audit(did)
  if (entries.length === 0) return { status: 404, json: { message: `DID not registered: ${did}` } }
  return show(did, entries)
}

/** What `GET /:did/…` gives, by the rest of the path. */
const views: Readonly<Record<string, (did: string, entries: readonly PlcEntry[]) => Promise<Reply> | Reply>> =
  {
    '': async (did, entries) => {
      const data = await dataOf(did, entries)
      if (data === null) return { status: 404, json: { message: `DID not available: ${did}` } }
      const library = await loadPlcLibrary()
      const json = await library.formatDidDoc(data)
      return { status: 200, json, type: 'application/did+ld+json; charset=utf-8' }
    },
    data: async (did, entries) => {
      const data = await dataOf(did, entries)
      if (data === null) return { status: 404, json: { message: `DID not available: ${did}` } }
      return { status: 200, json: data }
    },
    log: (_did, entries) => ({ status: 200, json: current(entries).map(({ operation }) => operation) }),
    'log/audit': (_did, entries) => ({ status: 200, json: entries }),
    'log/last': (_did, entries) => ({ status: 200, json: current(entries).at(-1)?.operation }),
  }

const current = (entries: readonly PlcEntry[]) => entries.filter(({ nullified }) => !nullified)

/** Signatures were checked when each operation came in, so the last one alone says how things stand. Null: a tombstone. */
async function dataOf(did: string, entries: readonly PlcEntry[]) {
  const library = await loadPlcLibrary()
  const last = current(entries).at(-1)
  return last === undefined ? null : library.opToData(did, last.operation)
}

async function submit(request: IncomingMessage, log: PlcLog, did: string): Promise<Reply> {
  const body = await readBody(request)
  if (body === undefined) return { status: 413, json: { message: 'request entity too large' } }
  let operation: unknown = {}
  if ((request.headers['content-type'] ?? '').startsWith('application/json')) {
    try {
      operation = JSON.parse(body)
    } catch (cause) {
      return { status: 400, json: { message: cause instanceof Error ? cause.message : 'not JSON' } }
    }
  }
  try {
    await log.submit(did, operation)
  } catch (error) {
    if (!(error instanceof Refusal) || (error.code !== 'invalid' && error.code !== 'conflict')) throw error
    return { status: error.code === 'conflict' ? 409 : 400, json: { message: error.message } }
  }
  return { status: 200, text: 'OK' }
}

/** Undefined when it is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue
    length += chunk.length
    if (length > bodyBytesMax) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function exportLines(log: PlcLog, params: URLSearchParams): Promise<Reply> {
  const count = Number.parseInt(params.get('count') ?? String(exportMax), 10)
  if (!(count >= 1)) return { status: 400, json: { message: 'Invalid count parameter' } }
  const afterText = params.get('after')
  const after = afterText === null ? -1 : Date.parse(afterText)
  if (Number.isNaN(after)) return { status: 400, json: { message: 'Invalid after parameter' } }
  const entries = await log.export(after, Math.min(count, exportMax))
  const text = entries.map(entry => JSON.stringify(entry)).join('\n')
  return { status: 200, text, type: 'application/jsonlines' }
}

function notFound(request: IncomingMessage, url: URL): Reply {
  return { status: 404, json: { message: `Cannot ${request.method} ${url.pathname}` } }
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment // a stray % stays what it is, and names no DID
  }
}

function send(response: ServerResponse, reply: Reply): void {
  const body = reply.text ?? JSON.stringify(reply.json)
  const type =
    reply.type ?? (reply.text === undefined ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8')
  response.writeHead(reply.status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'access-control-allow-origin': '*',
    'access-control-allow-headers': '*',
    'access-control-allow-methods': 'GET,HEAD,POST',
    // The rest of a body that was not read would be taken for the next request.
    ...(reply.status === 413 ? { connection: 'close' } : {}),
  })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
