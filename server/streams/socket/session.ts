/**
 * One client that has connected: who she is, her calls and their answers, her subscriptions. Calls that come before it
 * is known who she is wait for it.
 */
import { MalformedError } from '@leaf/codec/errors'
import { err } from '@leaf/streams/wire'
import type { Clock } from '../../kernel/clock.ts'
import { Corruption, Refusal } from '../../kernel/errors.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Spans } from '../../kernel/spans.ts'
import { anonymous, type Authenticate } from '../middleware/authenticate.ts'
import type { Actor } from '../middleware/throttle.ts'
import type { Caller } from '../stream/contract.ts'
import { createCalls } from './calls.ts'
import type { Answer, Method } from './method.ts'
import { ackPacket, type Call } from './packet.ts'
import type { SocketMetrics } from './socket-metrics.ts'
import { createSubscriptions } from './subscriptions.ts'
import type { Wire } from './wire.ts'

/** What we use of a socket of socket.io. */
export interface ClientSocket {
  readonly handshake: { readonly auth: Readonly<Record<string, unknown>> }
  on(event: string, listener: (call: Call) => void): unknown
  emit(event: string, argument: unknown): unknown
  disconnect(close: boolean): unknown
}

export interface SessionDependencies {
  readonly methods: ReadonlyMap<string, Method>
  readonly authenticate: Authenticate
  readonly newId: () => string
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: SocketMetrics
  readonly spans: Spans
}

export interface Session {
  /** Takes no more calls, waits for those under way, and ends. */
  finish(): Promise<void>
}

/** Serves a client from now on. */
export function createSession(socket: ClientSocket, wire: Wire, deps: SessionDependencies): Session {
  const { log } = deps
  const { token } = socket.handshake.auth
  const subscriptions = createSubscriptions({ wire, newId: deps.newId })
  const calls = createCalls(wire)
  const connection = deps.newId()
  const identity = identify(socket, wire, typeof token === 'string' ? token : undefined, deps)
  let finishing = false

  const run = async (name: string, method: Method, { id, argument }: Call): Promise<void> => {
    const startMs = deps.clock.monotonic()
    const caller = await identity
    if (caller === undefined || wire.signal.aborted) return
    const span = deps.spans.begin(`handle ${name}`, { connection, did: caller.did ?? 'anonymous' })
    const actor = actorOf(caller, connection, wire)
    const { parts, sent, outcome } = await answerOf(
      method,
      { caller, actor, argument, subscriptions },
      name,
      log,
    )
    const ms = deps.clock.monotonic() - startMs
    deps.metrics.called(name, outcome, ms)
    log.debug({ connection, did: caller.did, event: name, outcome, ms }, 'a call')
    span.end({ outcome })
    const gone = id === undefined ? undefined : wire.write(ackPacket(id, parts))
    sent?.()
    await gone
  }

  for (const [name, method] of deps.methods) {
    socket.on(name, call => {
      const bytes = call.argument instanceof Uint8Array ? call.argument.length : 0
      const refuse = (text: string) => {
        deps.metrics.called(name, 'refused', 0)
        if (call.id !== undefined) void wire.write(ackPacket(call.id, [err(text)]))
      }
      if (finishing) return refuse('the server is stopping')
      if (!calls.add(bytes, () => run(name, method, call)))
        refuse('too many bytes of your address are being worked on; come back in a second')
    })
  }
  return {
    finish: async () => {
      finishing = true
      await calls.idle()
      socket.disconnect(true)
    },
  }
}

/** Who she is, told to her as `authenticated` or `error`. Undefined: the connection ends. */
async function identify(
  socket: ClientSocket,
  wire: Wire,
  token: string | undefined,
  deps: SessionDependencies,
): Promise<Caller | undefined> {
  wire.state = token === undefined ? 'anonymous' : 'known'
  try {
    const caller = token === undefined ? anonymous : await deps.authenticate(token)
    if (wire.signal.aborted) return undefined
    deps.log.debug(
      { did: caller.did, address: wire.place.address, unsafe: caller.unsafe },
      'a client has come',
    )
    socket.emit('authenticated', { did: caller.did })
    return caller
  } catch (error) {
    const known = error instanceof Refusal
    const why = known ? error.message : 'something broke on this server'
    if (!known) deps.log.error({ error }, 'a token could not be checked')
    else deps.log.info({ address: wire.place.address, why }, 'a token was refused')
    deps.metrics.tokenRefused()
    socket.emit('error', `Error validating auth token: ${why}`)
    socket.disconnect(true)
    return undefined
  }
}

function actorOf(caller: Caller, connection: string, wire: Wire): Actor {
  if (caller.did !== null) return { key: caller.did, address: undefined }
  return { key: `anonymous:${connection}`, address: wire.place.address }
}

interface Outcome extends Answer {
  readonly outcome: 'ok' | 'refused' | 'malformed' | 'failed'
}

async function answerOf(
  method: Method,
  call: Parameters<Method>[0],
  name: string,
  log: Logger,
): Promise<Outcome> {
  try {
    return { ...(await method(call)), outcome: 'ok' }
  } catch (error) {
    if (error instanceof Refusal) return { parts: [err(error.message)], outcome: 'refused' }
    if (error instanceof MalformedError) return { parts: [err(error.message)], outcome: 'malformed' }
    // Nobody may go on after this: unhandled, it stops the process.
    if (error instanceof Corruption) throw error
    log.error({ error, event: name }, 'a call failed')
    return { parts: [err('something broke on this server; nothing of yours was lost')], outcome: 'failed' }
  }
}
