/** One socket of the firehose: takes from the log as fast as the reader takes from the socket. */
import type { Duplex } from 'node:stream'
import { encodeErrorFrame, encodeInfoFrame } from '@leaf/atproto/frame'
import type { WebSocket } from 'ws'
import type { Clock } from '../../kernel/clock.ts'
import type { Follow } from '../../kernel/follow.ts'
import type { LoggedEvent } from '../database/sequencer.ts'
import { messageBytes, wireBytes } from './wire.ts'

/** Bytes that may wait in the process for a reader before nothing more is given to it. */
const backlogBytesMax = 64 * 1024
/** How long a reader may take nothing while there is something to take; per `stallBytes` that wait. */
const stallMs = 30_000
const stallBytes = 256 * 1024
/** Pings without an answer after which a reader counts as gone. */
const missedPongsMax = 3
/** Messages from a reader, who has nothing to say here. */
const inboundMessagesMax = 100
/** How long the closing handshake may take. */
const closeMs = 5_000

export interface SubscriberOptions {
  readonly socket: Duplex
  readonly webSocket: WebSocket
  readonly log: Follow<LoggedEvent>
  readonly clock: Clock
  /** Events before this are outside of the window. Milliseconds since the epoch. */
  readonly windowStart: () => number
  readonly onSent: (events: number, bytes: number) => void
  /** The log of events could not be read. */
  readonly onFailure: (error: unknown) => void
}

/** Why a subscription ended, for metrics and logs. */
export type SubscriptionEnd = 'gone' | 'ConsumerTooSlow' | 'silent' | 'stopped' | 'failed'

export interface Subscriber {
  /** Sends what follows `cursor` until the end. Never throws. */
  follow(cursor: number): Promise<SubscriptionEnd>
  /** Sends an #info frame. */
  inform(name: string, message: string): void
  /** Sends an error frame and closes. */
  refuse(name: string, message: string): void
  /** Called every 30 seconds: asks whether the reader is there, or ends it when it was silent for too long. */
  ping(): void
  /** Closes with a reason. */
  close(code: number, reason: string): void
  terminate(): void
}

export function createSubscriber(options: SubscriberOptions): Subscriber {
  const { socket, webSocket, log, clock, windowStart } = options
  const gone = new AbortController()
  let end: SubscriptionEnd = 'gone'
  let missedPongs = 0
  let inboundMessages = 0

  const close = (code: number, reason: string) => {
    gone.abort()
    webSocket.close(code, reason)
    const cancel = clock.after(closeMs, () => webSocket.terminate())
    webSocket.once('close', cancel)
  }
  const refuse = (name: string, message: string) => {
    socket.write(messageBytes(encodeErrorFrame(name, message)))
    close(1008, name)
  }
  webSocket.on('close', () => gone.abort())
  webSocket.on('error', () => gone.abort())
  webSocket.on('pong', () => {
    missedPongs = 0
  })
  webSocket.on('message', () => {
    inboundMessages += 1
    if (inboundMessages === inboundMessagesMax) close(1008, 'expected no messages')
  })

  const tooSlow = (message: string) => {
    end = 'ConsumerTooSlow'
    refuse('ConsumerTooSlow', message)
  }
  const send = async (batch: readonly LoggedEvent[]): Promise<void> => {
    if (webSocket.readyState !== webSocket.OPEN) return
    const bytes = wireBytes(batch)
    socket.write(bytes)
    options.onSent(batch.length, bytes.length)
    if (socket.writableLength <= backlogBytesMax) return
    const limitMs = stallMs * Math.ceil(socket.writableLength / stallBytes)
    if (!(await drained(socket, { clock, limitMs, signal: gone.signal }))) {
      tooSlow(`took nothing for ${limitMs / 1000} seconds`)
    }
  }
  const follow = async (cursor: number): Promise<SubscriptionEnd> => {
    try {
      for await (const batch of log.from(cursor, gone.signal)) {
        const [first] = batch
        if (first !== undefined && first.createdAt < windowStart())
          tooSlow('fell behind the window of events')
        else await send(batch)
      }
      // Without an abort the log itself has ended.
      if (!gone.signal.aborted) end = 'stopped'
    } catch (error) {
      end = 'failed'
      options.onFailure(error)
      close(1011, 'the log of events cannot be read')
    }
    return end
  }

  return {
    follow,
    inform: (name, message) => void socket.write(messageBytes(encodeInfoFrame(name, message))),
    refuse,
    ping: () => {
      if (missedPongs >= missedPongsMax) {
        end = 'silent'
        webSocket.terminate()
        return
      }
      missedPongs += 1
      if (webSocket.readyState === webSocket.OPEN) webSocket.ping()
    },
    close: (code, reason) => {
      end = 'stopped'
      close(code, reason)
    },
    terminate: () => webSocket.terminate(),
  }
}

/** Resolves true once what waits has been taken, or the reader is gone; false when nothing was taken in `limitMs`. */
function drained(
  socket: Duplex,
  options: { readonly clock: Clock; readonly limitMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const { clock, limitMs, signal } = options
  return new Promise(resolve => {
    const settle = (taken: boolean) => {
      cancel()
      socket.off('drain', onDrain)
      signal.removeEventListener('abort', onDrain)
      resolve(taken)
    }
    const onDrain = () => settle(true)
    const cancel = clock.after(limitMs, () => settle(false))
    socket.on('drain', onDrain)
    signal.addEventListener('abort', onDrain)
    if (signal.aborted || socket.destroyed) onDrain()
  })
}
