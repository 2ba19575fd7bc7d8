/**
 * `/socket.io`: socket.io with packets in MessagePack, over polling and WebSocket. The library is loaded by the first
 * request. It gets requests and sockets only after they found a place.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Refusal } from '../../kernel/errors.ts'
import { networkOf } from '../../kernel/http/network.ts'
import type { RequestContext, Route, UpgradeRoute } from '../../kernel/http/route.ts'
import type { Place, Places } from '../middleware/places.ts'
import type { EngineConnection } from './engine.ts'
import { type ClientSocket, createSession, type Session, type SessionDependencies } from './session.ts'
import { createWire, frameBytesMax, type Wire } from './wire.ts'

export interface SocketServerOptions extends SessionDependencies {
  readonly places: Places
  readonly unsentBytesMax: number
}

export interface SocketServer {
  readonly routes: readonly Route[]
  readonly upgrades: readonly UpgradeRoute[]
  /** Connections that are open. */
  count(): number
  /** Takes no calls any more, answers those under way, and ends every connection. */
  stop(deadlineMs: number): Promise<void>
}

/** How long a connection may take until it sends its first packet of socket.io. */
const connectMsMax = 45_000

type Library = Awaited<ReturnType<typeof load>>

/** Nothing is loaded and nothing listens by itself: the routes are for the kernel's servers. */
export function createSocketServer(options: SocketServerOptions): SocketServer {
  const { clock } = options
  const connections = createConnections(options)
  const { wireOf } = connections
  let library: Promise<Library> | undefined
  let stopping = false
  const loaded = () => {
    if (stopping) throw new Refusal('unavailable', 'the server is stopping')
    return (library ??= load(connections))
  }

  const handle = async (request: IncomingMessage, response: ServerResponse, context: RequestContext) => {
    const { io } = await loaded()
    const wire = wireOf(request)
    if (wire !== undefined) await beforeReading(request, response, wire)
    else if (request.method === 'GET')
      response.once('close', connections.enter(request, context.address, undefined))
    io.engine.handleRequest(request, response)
  }
  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer, context: RequestContext) => {
    const { io } = await loaded()
    const wire = wireOf(request)
    if (wire === undefined) socket.once('close', connections.enter(request, context.address, socket))
    else wire.attach(socket)
    io.engine.handleUpgrade(request, socket, head)
  }

  return {
    routes: [
      { path: '/socket.io', handle },
      { path: '/socket.io/*', handle },
    ],
    upgrades: [
      { path: '/socket.io', upgrade },
      { path: '/socket.io/', upgrade },
    ],
    count: connections.count,
    stop: async deadlineMs => {
      stopping = true
      if (library === undefined) return
      const { io } = await library
      const late = Promise.withResolvers<void>()
      const cancel = clock.after(deadlineMs / 2, late.resolve)
      await Promise.race([connections.finish(), late.promise])
      cancel()
      connections.cut()
      io.engine.close()
    },
  }
}

/** A request that may become a connection. */
interface Coming {
  readonly place: Place
  /** Its own, when it is a WebSocket from the start. */
  readonly socket: Duplex | undefined
}

/** Who is connected, from the request on that began it. */
function createConnections(options: SocketServerOptions) {
  const { places, metrics, log } = options
  const wires = new Map<string, Wire>()
  const sessions = new Set<Session>()
  const coming = new WeakMap<IncomingMessage, Coming>()

  return {
    count: () => wires.size,
    wireOf: (request: IncomingMessage) => wires.get(sessionOf(request) ?? ''),
    /** Takes a place for a request; call what comes back when the request is over: it leaves unless a connection came of it. */
    enter: (request: IncomingMessage, address: string, socket: Duplex | undefined): (() => void) => {
      const place = places.take(networkOf(address))
      if (place === undefined) {
        metrics.turnedAway()
        throw new Refusal('limited', 'too many connections; come back later', { retryAfterMs: 10_000 })
      }
      coming.set(request, { place, socket })
      return () => coming.get(request)?.place.leave()
    },
    onEngine: (engine: EngineConnection) => {
      const { request } = engine
      const came = request === null ? undefined : coming.get(request)
      if (request === null || came === undefined) return engine.close(true)
      coming.delete(request)
      const { place, socket } = came
      const wire = createWire({
        ...options,
        engine,
        place,
        onCut: reason => {
          metrics.cut(reason)
          log.warn({ address: place.address, reason }, 'a connection was ended')
        },
      })
      if (socket !== undefined) wire.attach(socket)
      wires.set(engine.id, wire)
      wire.signal.addEventListener('abort', () => wires.delete(engine.id))
    },
    onSocket: (socket: ClientSocket, engineId: string) => {
      const wire = wires.get(engineId)
      if (wire === undefined) return void socket.disconnect(true)
      const session = createSession(socket, wire, options)
      sessions.add(session)
      wire.signal.addEventListener('abort', () => sessions.delete(session))
    },
    finish: () => Promise.all([...sessions].map(session => session.finish())),
    cut: () => {
      for (const wire of wires.values()) wire.cut('stopping')
    },
  }
}

/** Holds the bytes of a posted body before any of them is read. */
async function beforeReading(request: IncomingMessage, response: ServerResponse, wire: Wire): Promise<void> {
  if (request.method !== 'POST') return
  const length = Number(request.headers['content-length'] ?? Number.NaN)
  if (!Number.isSafeInteger(length)) throw new Refusal('invalid', 'expected a Content-Length')
  // Polling carries bytes as base64.
  const bytesMax = Math.ceil((wire.messageBytesMax() * 4) / 3)
  if (length > bytesMax) throw new Refusal('too-large', `expected at most ${bytesMax} bytes, got ${length}`)
  await wire.readable()
  if (!wire.place.hold(length))
    throw new Refusal('limited', 'too many bytes of your address are being worked on', { retryAfterMs: 1000 })
  response.once('close', () => wire.place.free(length))
}

/** The session that a request says it belongs to. */
function sessionOf(request: IncomingMessage): string | undefined {
  const query = (request.url ?? '').split('?')[1] ?? ''
  return new URLSearchParams(query).get('sid') ?? undefined
}

async function load({ onEngine, onSocket }: ReturnType<typeof createConnections>) {
  const [{ Server }, { packetParser }] = await Promise.all([import('socket.io'), import('./parser.ts')])
  const ids = new WeakMap<object, string>()
  // The library wants a server to sit on; this one never listens, and the kernel's hand their requests in.
  const io = new Server(createServer(), {
    path: '/socket.io',
    parser: packetParser,
    maxHttpBufferSize: Math.ceil((frameBytesMax * 4) / 3),
    transports: ['polling', 'websocket'],
    allowEIO3: true,
    cors: { origin: '*' },
    serveClient: false,
    connectTimeout: connectMsMax,
    httpCompression: false,
    perMessageDeflate: false,
  })
  io.engine.prependListener('connection', (engine: EngineConnection) => {
    ids.set(engine, engine.id)
    onEngine(engine)
    // The request of its birth, with its buffers, would live as long as the connection.
    engine.request = null
  })
  io.on('connection', socket => onSocket(socket, ids.get(socket.conn) ?? ''))
  return { io }
}
