/**
 * What can go wrong, in three words: an expected no (`Refusal`), bytes that are not what they claim to be
 * (`MalformedError`), and stored state that contradicts itself (`Corruption`, which stops the process).
 * Messages are lower case, say what was expected and what came, and never contain a secret.
 */

/** Why something was refused. Each transport has a table from these to its own status codes. */
export type RefusalCode =
  | 'invalid' // the request itself is wrong
  | 'unauthenticated' // who are you?
  | 'forbidden' // you may not
  | 'missing' // there is no such thing
  | 'conflict' // it changed under you, or exists already
  | 'unacceptable' // no representation that the caller accepts
  | 'too-large'
  | 'unsupported-media'
  | 'limited' // too often: see retryAfterMs
  | 'unavailable' // not now: read-only disk, shutting down, capacity
  | 'upstream' // somebody else failed us
  | 'upstream-timeout'
  | 'unimplemented'

export interface RefusalDetails {
  /** The name that the wire protocol gives this error (`InvalidSwap`); absent: the transport's default for the code. */
  readonly name?: string
  /** For `limited` and `unavailable`: when to come back. Milliseconds. */
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

/** An expected no. Thrown by guards and acts; translated once, by the transport. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: RefusalCode
  readonly wireName: string | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: RefusalCode, message: string, details: RefusalDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.wireName = details.name
    this.retryAfterMs = details.retryAfterMs
  }
}

/** Stored state contradicts itself. Nobody may catch this and go on: `main.ts` stops the process. */
export class Corruption extends Error {
  override readonly name = 'Corruption'
}
