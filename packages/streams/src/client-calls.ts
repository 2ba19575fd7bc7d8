/** Calls that wait for their answers: time limits, and what becomes of them when the connection ends. */
import type { DrislValue } from '@leaf/codec/drisl'
import { type ClientPlatform, LeafError } from './client-types.ts'
import { decodeReply, parseThrottleRefusal } from './wire-replies.ts'

export interface CallOptions {
  readonly timeoutMs?: number
  /** Asked again after a reconnect when the connection ended before the answer: only for what may happen twice. */
  readonly repeatable?: boolean
  /** Runs with the answer, before anything that arrived after it. */
  readonly onAnswer?: (value: DrislValue) => void
}

/** Gives the value of an `Ok`. Throws LeafError. */
export type Call = (event: string, argument: Uint8Array, options?: CallOptions) => Promise<DrislValue>

export interface Calls {
  readonly call: Call
  /** There is a connection: whatever was not sent is. */
  connected(): void
  /** It ended: what was sent fails, except what may be sent again. */
  disconnected(options: { readonly comesBack: boolean }): void
  /** All fail, for this reason. */
  fail(error: LeafError): void
  /** All fail, also those to come. */
  close(): void
}

export interface CallsSettings {
  readonly callTimeoutMs: number
  readonly platform: Pick<ClientPlatform, 'setTimer'>
  /** Sends; `answer` takes what the ack has. */
  readonly send: (event: string, argument: Uint8Array, answer: (data: unknown) => void) => void
}

interface Pending {
  readonly repeatable: boolean
  readonly send: () => void
  readonly fail: (error: LeafError) => void
  sent: boolean
}

export function createCalls({ callTimeoutMs, platform, send }: CallsSettings): Calls {
  const pending = new Set<Pending>()
  let ready = false
  let closed = false
  const fail = (error: LeafError) => {
    for (const one of pending) one.fail(error)
  }
  const call: Call = (event, argument, options = {}) =>
    new Promise((resolve, reject) => {
      if (closed) return reject(closedError())
      const { timeoutMs = callTimeoutMs, repeatable = false, onAnswer } = options
      const settle = () => {
        cancelTimer()
        return pending.delete(one)
      }
      const answer = (data: unknown) => {
        if (!settle()) return
        try {
          const value = valueOf(data)
          onAnswer?.(value)
          resolve(value)
        } catch (error) {
          reject(error)
        }
      }
      const one: Pending = {
        repeatable,
        sent: false,
        send: () => {
          one.sent = true
          send(event, argument, answer)
        },
        fail: error => {
          settle()
          reject(error)
        },
      }
      const cancelTimer = platform.setTimer(
        () => one.fail(new LeafError('timeout', `${event}: no answer within ${timeoutMs} ms`)),
        timeoutMs,
      )
      pending.add(one)
      if (ready) one.send()
    })
  return {
    call,
    connected: () => {
      ready = true
      for (const one of pending) if (!one.sent) one.send()
    },
    disconnected: ({ comesBack }) => {
      ready = false
      const error = new LeafError('disconnected', 'the connection ended before the answer came')
      for (const one of pending) {
        if (one.sent && !(one.repeatable && comesBack)) one.fail(error)
        one.sent = false
      }
    },
    fail,
    close: () => {
      closed = true
      fail(closedError())
    },
  }
}

function closedError(): LeafError {
  return new LeafError('closed', 'this client was closed')
}

/** The value of an ack, or what it refuses. */
function valueOf(data: unknown): DrislValue {
  const reply = readReply(data)
  if (reply.ok) return reply.value
  const throttle = parseThrottleRefusal(reply.error)
  if (throttle === undefined) throw new LeafError('refused', reply.error)
  const seconds = Math.ceil(throttle.retryAfterMs / 1000)
  throw new LeafError('rate-limited', `${throttle.endpoint}: too often; again in ${seconds} s`, { throttle })
}

function readReply(data: unknown): ReturnType<typeof decodeReply> {
  try {
    return decodeReply(fromBinary(data))
  } catch (cause) {
    throw new LeafError('malformed', `the server's answer cannot be read: ${messageOf(cause)}`, { cause })
  }
}

/** Binary data as msgpack decoders give it. Throws TypeError for anything else. */
export function fromBinary(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  throw new TypeError('expected binary data')
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
