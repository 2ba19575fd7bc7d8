/** The ways in which a Skrepka client says no. */

export { LimitError, MalformedError } from '@leaf/codec/errors'

export type SkrepkaErrorCode =
  /** Nobody answered: network, time-out, an answer that is none. Trying again may help. */
  | 'unreachable'
  /** The relay said no; `status` and `wireError` tell how. */
  | 'refused'
  /** The relay's challenge was made for another relay: it may be trying to log in there with our signature. */
  | 'foreign-challenge'
  /** A blob that was not sealed for this key, or was changed on its way. */
  | 'not-for-us'
  /** A blob whose signature is not the sender's. */
  | 'forged'
  /** The passphrase does not open this backup. */
  | 'wrong-passphrase'
  /** A bound of this client: an outbox or a conversation that is full, a picture that is too large. */
  | 'too-much'
  /** The store holds what it should not, or cannot be written. */
  | 'storage'

export interface SkrepkaErrorDetails {
  /** HTTP's, for `refused`. */
  readonly status?: number
  /** The relay's `error` text, for `refused`. */
  readonly wireError?: string
  /** When to come back, for `refused` with 429 and 503. */
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

/** An expected no, with a code for programs. */
export class SkrepkaError extends Error {
  override readonly name = 'SkrepkaError'
  readonly code: SkrepkaErrorCode
  readonly status: number | undefined
  readonly wireError: string | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: SkrepkaErrorCode, message: string, details: SkrepkaErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.status = details.status
    this.wireError = details.wireError
    this.retryAfterMs = details.retryAfterMs
  }
}
