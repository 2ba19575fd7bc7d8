/** One connection that comes back by itself: who it is for, what is told about it, and when it is tried again. */
import { io, type Socket } from 'socket.io-client'
import parser from 'socket.io-msgpack-parser'
import { type Call, createCalls, messageOf } from './client-calls.ts'
import {
  type Authenticator,
  type ClientEvents,
  type ClientPlatform,
  LeafError,
  type ResolvedOptions,
} from './client-types.ts'

export interface Connection {
  readonly socket: Socket
  readonly call: Call
  on<Name extends keyof ClientEvents>(event: Name, handler: ClientEvents[Name]): void
  off<Name extends keyof ClientEvents>(event: Name, handler: ClientEvents[Name]): void
  /** Tells it to those who listen for errors. */
  report(error: LeafError): void
  close(): void
}

export interface ConnectionSettings {
  readonly url: string
  readonly authenticator: Authenticator | undefined
  readonly options: ResolvedOptions
  readonly platform: ClientPlatform
}

/** Connects at once. */
export function createConnection(settings: ConnectionSettings): Connection {
  const { authenticator, options, platform } = settings
  const listeners = createListeners()
  const socket = openSocket(settings, give => void giveToken(give))
  const retry = createRetry(platform, {
    enabled: options.reconnect,
    firstMs: options.reconnectMs,
    again: () => socket.connect(),
  })
  const calls = createCalls({
    callTimeoutMs: options.callTimeoutMs,
    platform,
    send: (event, argument, answer) => socket.emit(event, platform.toBinary(argument), answer),
  })
  const refuse = (message: string, cause?: unknown) => {
    const error = new LeafError('authentication', message, { cause })
    calls.fail(error)
    listeners.report(error)
  }
  const giveToken = async (give: GiveToken) => {
    try {
      give(authenticator === undefined ? {} : { token: await authenticator() })
    } catch (cause) {
      refuse(`no token could be had: ${messageOf(cause)}`, cause)
      socket.disconnect()
      retry.later()
    }
  }
  followSocket(socket, {
    authenticated: did => {
      retry.succeeded()
      calls.connected()
      listeners.authenticated(did)
    },
    refused: refuse,
    unreachable: cause => {
      listeners.report(new LeafError('disconnected', `cannot connect: ${cause.message}`, { cause }))
      if (!socket.active) retry.later()
    },
    connected: listeners.connected,
    disconnected: ({ byServer }) => {
      calls.disconnected({ comesBack: options.reconnect })
      listeners.disconnected()
      if (byServer) retry.later()
    },
  })
  return {
    socket,
    call: calls.call,
    on: listeners.on,
    off: listeners.off,
    report: listeners.report,
    close: () => {
      retry.end()
      calls.close()
      socket.disconnect()
      listeners.clear()
    },
  }
}

type GiveToken = (auth: { readonly token?: string }) => void

function openSocket({ url, options }: ConnectionSettings, auth: (give: GiveToken) => void): Socket {
  return io(url, {
    parser,
    // Each client has its own identity, hence its own connection.
    forceNew: true,
    reconnection: options.reconnect,
    reconnectionDelay: options.reconnectMs,
    reconnectionDelayMax: retryMaxMs,
    auth,
  })
}

interface SocketEvents {
  readonly connected: () => void
  readonly authenticated: (did: string | undefined) => void
  readonly refused: (text: string) => void
  readonly unreachable: (cause: Error) => void
  readonly disconnected: (how: { readonly byServer: boolean }) => void
}

/** What the library and the server tell, in our words. */
function followSocket(socket: Socket, events: SocketEvents): void {
  socket.on('connect', events.connected)
  socket.on('authenticated', (data: unknown) => events.authenticated(didOf(data)))
  socket.on('error', (text: unknown) => events.refused(messageOf(text)))
  socket.on('connect_error', events.unreachable)
  socket.on('disconnect', reason => events.disconnected({ byServer: reason === 'io server disconnect' }))
}

const retryMaxMs = 30_000

interface Retry {
  later(): void
  succeeded(): void
  end(): void
}

/**
 * The library connects again by itself, except when somebody ended the connection on purpose: then this does. Twice as
 * long after each failure, and never for all clients at once.
 */
function createRetry(
  platform: Pick<ClientPlatform, 'setTimer' | 'randomBytes'>,
  {
    enabled,
    firstMs,
    again,
  }: { readonly enabled: boolean; readonly firstMs: number; readonly again: () => void },
): Retry {
  let waitMs = firstMs
  let cancel = () => {}
  let ended = !enabled
  return {
    later: () => {
      if (ended) return
      cancel()
      const jitter = 0.5 + (platform.randomBytes(1)[0] ?? 0) / 512
      cancel = platform.setTimer(again, waitMs * jitter)
      waitMs = Math.min(waitMs * 2, retryMaxMs)
    },
    succeeded: () => {
      waitMs = firstMs
    },
    end: () => {
      ended = true
      cancel()
    },
  }
}

function didOf(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !('did' in data)) return undefined
  return typeof data.did === 'string' ? data.did : undefined
}

type Handlers = { readonly [Name in keyof ClientEvents]: Set<ClientEvents[Name]> }

interface Listeners {
  on<Name extends keyof ClientEvents>(event: Name, handler: ClientEvents[Name]): void
  off<Name extends keyof ClientEvents>(event: Name, handler: ClientEvents[Name]): void
  disconnected(): void
  authenticated(did: string | undefined): void
  connected(): void
  report(error: LeafError): void
  clear(): void
}

function createListeners(): Listeners {
  const handlers: Handlers = {
    connect: new Set(),
    disconnect: new Set(),
    authenticated: new Set(),
    error: new Set(),
  }
  return {
    on: (event, handler) => void handlers[event].add(handler),
    off: (event, handler) => void handlers[event].delete(handler),
    connected: () => {
      for (const handler of handlers.connect) handler()
    },
    disconnected: () => {
      for (const handler of handlers.disconnect) handler()
    },
    authenticated: did => {
      for (const handler of handlers.authenticated) handler(did)
    },
    report: error => {
      for (const handler of handlers.error) handler(error)
    },
    clear: () => {
      for (const set of Object.values(handlers)) set.clear()
    },
  }
}
