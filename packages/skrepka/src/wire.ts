/** The client's four routes of a Skrepka relay: what goes over the wire, and reading what comes back. */
import { MalformedError } from './errors.ts'
import { fromHex, isHex, toHex } from './hex.ts'
import { countField, isObject, type JsonObject, textField } from './json.ts'

/** Where a client posts to. */
export const routes = {
  challenge: '/auth/challenge',
  verify: '/auth/verify',
  poll: '/poll',
  messages: '/messages',
  logout: '/skrepka/logout',
} as const

/** Messages of one request, by the relays' bound. */
export const batchMessagesMax = 100
/** Events of one answer that are read; relays give 50. */
const pageEventsMax = 1000
const tokenLengthMax = 1024

export interface ChallengeAnswer {
  readonly challenge: string
  /** Of relays with proof-carrying presence: opens the challenge's commitment to their name. */
  readonly r: string | undefined
}

export interface TokenAnswer {
  readonly token: string
  /** Milliseconds, by the relay's clock. */
  readonly expiresAt: number
}

export interface PageAnswer {
  /** Blobs in order; what was no hex is left out. */
  readonly blobs: readonly Uint8Array[]
  /** Sent with the next poll, it acknowledges this page. */
  readonly cursor: number
}

/** A blob and the key it is for. */
export interface OutgoingMessage {
  readonly to: string
  readonly blob: Uint8Array
}

/** Throws MalformedError. */
export function readChallenge(json: JsonObject, lengthMax: number): ChallengeAnswer {
  const challenge = textField(json, 'challenge', lengthMax)
  const r = json['r']
  return { challenge, r: typeof r === 'string' ? r : undefined }
}

/** Throws MalformedError. */
export function readToken(json: JsonObject): TokenAnswer {
  return { token: textField(json, 'token', tokenLengthMax), expiresAt: countField(json, 'expiresAt', 0) }
}

/** Throws MalformedError. */
export function readPage(json: JsonObject): PageAnswer {
  const { events } = json
  if (!Array.isArray(events) || events.length > pageEventsMax) {
    throw new MalformedError(`expected at most ${pageEventsMax} events`, 0)
  }
  const blobs = events.flatMap((event: unknown) => {
    const hex = isObject(event) ? event['encryptedBlob'] : undefined
    return typeof hex === 'string' && isHex(hex) ? [fromHex(hex)] : []
  })
  return { blobs, cursor: countField(json, 'cursor') }
}

/** The body of `/messages`. */
export function messagesBody(messages: readonly OutgoingMessage[]): string {
  return JSON.stringify({ messages: messages.map(({ to, blob }) => ({ to, encryptedBlob: toHex(blob) })) })
}
