/**
 * One connection as bytes: what it holds here, when what was sent is gone, and when the other side has seen it. Knows
 * nothing of what the bytes mean.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '../../kernel/clock.ts'
import type { Place } from '../middleware/places.ts'
import type { CutReason, EngineConnection } from './engine.ts'
import { createGate } from './gate.ts'
import { createUnsent } from './unsent.ts'

/** What a connection has shown of itself; a stranger's first message is a small one. */
export type WireState = 'connecting' | 'anonymous' | 'known'

export interface Wire {
  readonly place: Place
  state: WireState
  /** Bytes of a message that this connection may send now. */
  messageBytesMax(): number
  /** Counts what arrives on this socket; what is too much ends the connection. */
  attach(socket: Duplex): void
  /** Sends a packet; true once the system has taken it, false when the connection ended before. Order is kept. */
  write(packet: Buffer): Promise<boolean>
  /** Resolves once the other side has worked through all that was written before, or after a while. */
  seen(): Promise<void>
  /** Resolves once little waits to be sent. */
  room(): Promise<void>
  /** While anything pauses it, nothing is read from its sockets. */
  pause(why: PauseReason, paused: boolean): void
  /** Resolves while nothing keeps it from reading. */
  readable(): Promise<void>
  /** Ends the connection at once. */
  cut(reason: CutReason): void
  /** Ends with the connection. */
  readonly signal: AbortSignal
}

/** Its calls are too many, or the bytes that its address has here. */
export type PauseReason = 'calls' | 'bytes'

interface WireOptions {
  readonly engine: EngineConnection
  readonly place: Place
  readonly clock: Clock
  /** Bytes that may wait to be taken. */
  readonly unsentBytesMax: number
  readonly onCut: (reason: CutReason) => void
}

/** A chunk of a socket may hold this much, also of many small messages. */
const messageBytesMax = { connecting: 128 * 1024, anonymous: 1024 * 1024, known: 16 * 1024 * 1024 } as const
/** The largest of them, which is the transport's own limit. */
export const frameBytesMax: number = messageBytesMax.known
/** How long a connection waits for others of its address to give back bytes. */
const roomMsMax = 10_000
/** How long the end of a polling connection waits to be told; the client polls again at once. */
const closeMsMax = 1000
/** How long a pong is waited for; and the whole wait where the client sends the pings. */
const pongMsMax = 5000
const pongMsBlind = 100

/** Watches a connection from its first byte on. */
export function createWire(options: WireOptions): Wire {
  const { engine, place } = options
  const ended = new AbortController()
  const sockets = new Set<Duplex>()
  const arriving = createArriving(place)
  const reading = createReading(sockets)

  const cut = (reason: CutReason) => {
    if (ended.signal.aborted) return
    options.onCut(reason)
    engine.close(true)
    for (const socket of sockets) socket.destroy()
  }
  const unsent = createUnsent({ ...options, cut, signal: ended.signal })
  const pongs = createPongs(options, ended.signal, unsent.flush)

  /** Others of its address may be what takes the room, so it waits a while before it is ended. */
  const waitForRoom = async () => {
    reading.pause('bytes', true)
    const cancel = options.clock.after(roomMsMax, () => cut('too many bytes in flight'))
    await place.room()
    cancel()
    reading.pause('bytes', false)
  }

  const wire: Wire = {
    place,
    state: 'connecting',
    messageBytesMax: () => messageBytesMax[wire.state],
    attach: socket => {
      sockets.add(socket)
      socket.once('close', () => {
        sockets.delete(socket)
        arriving.drop(socket)
      })
      socket.on('data', (chunk: Buffer) => {
        arriving.add(socket, chunk.length)
        if (arriving.of(socket) > wire.messageBytesMax()) return cut('message too large')
        if (!reading.isOpen()) socket.pause()
        else if (place.isOver()) void waitForRoom()
      })
      if (ended.signal.aborted) socket.destroy()
    },
    write: unsent.write,
    seen: pongs.seen,
    room: unsent.room,
    pause: reading.pause,
    readable: reading.passed,
    cut,
    signal: ended.signal,
  }
  if (engine.transport.closeTimeout !== undefined) engine.transport.closeTimeout = closeMsMax
  engine.on('packet', arriving.whole)
  engine.once('close', () => {
    ended.abort()
    reading.end()
    place.leave()
  })
  return wire
}

/** Bytes that came since the last whole message, for each socket. */
function createArriving(place: Place) {
  const bytes = new Map<Duplex, number>()
  return {
    of: (socket: Duplex) => bytes.get(socket) ?? 0,
    add: (socket: Duplex, count: number) => {
      place.take(count)
      bytes.set(socket, (bytes.get(socket) ?? 0) + count)
    },
    drop: (socket: Duplex) => {
      place.free(bytes.get(socket) ?? 0)
      bytes.delete(socket)
    },
    /** The rest of the chunk in which a message ended counts for nothing: it is less than a chunk. */
    whole: () => {
      for (const [socket, count] of bytes) {
        place.free(count)
        bytes.set(socket, 0)
      }
    },
  }
}

/** Whether its sockets are read. */
function createReading(sockets: ReadonlySet<Duplex>) {
  const reasons = new Set<PauseReason>()
  const gate = createGate()
  return {
    isOpen: gate.isOpen,
    passed: gate.passed,
    end: gate.open,
    pause: (why: PauseReason, paused: boolean) => {
      if (paused) reasons.add(why)
      else reasons.delete(why)
      if (gate.isOpen() === (reasons.size === 0)) return
      if (reasons.size > 0) gate.close()
      else gate.open()
      for (const socket of sockets) {
        if (reasons.size > 0) socket.pause()
        else socket.resume()
      }
    },
  }
}

/**
 * Pongs, matched with pings by their number: the one of an earlier ping says nothing about what was sent after it. The
 * transport's own heartbeat is counted with ours.
 */
function createPongs({ engine, clock }: WireOptions, signal: AbortSignal, flush: () => void) {
  const waiting: { readonly ping: number; readonly resolve: () => void }[] = []
  let pings = 0
  let pongs = 0
  const release = (upTo: number) => {
    while (waiting[0] !== undefined && waiting[0].ping <= upTo) waiting.shift()?.resolve()
  }
  engine.on('packetCreate', ({ type }) => {
    if (type === 'ping') pings += 1
  })
  engine.on('heartbeat', () => {
    pongs = Math.min(pings, pongs + 1)
    release(pongs)
  })
  signal.addEventListener('abort', () => release(Number.POSITIVE_INFINITY))
  const clientPings = engine.protocol === 3
  return {
    seen: (): Promise<void> => {
      if (engine.readyState !== 'open') return Promise.resolve()
      return new Promise(resolve => {
        const cancel = clock.after(clientPings ? pongMsBlind : pongMsMax, resolve)
        if (clientPings) return
        flush()
        engine.sendPacket('ping')
        waiting.push({
          ping: pings,
          resolve: () => {
            cancel()
            resolve()
          },
        })
      })
    },
  }
}
