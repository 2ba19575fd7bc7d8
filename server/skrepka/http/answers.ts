/** Answers as the seed's server gives them: JSON with its keys in alphabetical order. */
import type { RelayAnswer } from '../contract.ts'

/** Every answer may be read by pages of any origin: a token is in a header, never in a cookie. */
export const jsonHeaders: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'retry-after',
  'cache-control': 'no-store',
  'content-type': 'application/json',
}

export function answerJson(status: number, body: RelayAnswer['body']): RelayAnswer {
  return { status, headers: jsonHeaders, body }
}

export const answerEmpty: RelayAnswer = answerJson(200, '{}')

/** `{"error": …}`. */
export function answerError(status: number, error: string): RelayAnswer {
  return answerJson(status, JSON.stringify({ error }))
}

/** The same, with when to come back. */
export function answerLater(status: number, error: string, waitMs: number): RelayAnswer {
  const retryAfter = String(Math.max(1, Math.ceil(waitMs / 1000)))
  return { ...answerError(status, error), headers: { ...jsonHeaders, 'retry-after': retryAfter } }
}

export const answerLimited = (waitMs: number): RelayAnswer => answerLater(429, 'Rate limit exceeded', waitMs)
export const answerNotFound: RelayAnswer = answerError(404, 'not found')
export const answerTooLarge: RelayAnswer = answerError(413, 'payload too large')
export const answerUnauthorized: RelayAnswer = answerError(401, 'unauthorized')

/** To a browser that asks whether it may ask. */
export const answerPreflight: RelayAnswer = {
  status: 204,
  headers: {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    'access-control-allow-headers': 'authorization, content-type, last-event-id',
    'access-control-max-age': '86400',
  },
  body: '',
}

/** A request that was refused while it was decoded. */
export class WireFault extends Error {
  override readonly name = 'WireFault'
  readonly answer: RelayAnswer
  constructor(answer: RelayAnswer) {
    super('the request cannot be read')
    this.answer = answer
  }
}
