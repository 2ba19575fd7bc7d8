/** The ways in which a decoder says no. */

/** Bytes or text are not what they claim to be. */
export class MalformedError extends Error {
  override readonly name: string = 'MalformedError'
  /** Where in the input it went wrong, in bytes (characters for text) from its start. */
  readonly offset: number

  constructor(message: string, offset: number) {
    super(`${message} (at ${offset})`)
    this.offset = offset
  }
}

/** More than a reader was told to take; what came may be right otherwise. */
export class LimitError extends MalformedError {
  override readonly name = 'LimitError'
  /** The name of the limit, as in the reader's options. */
  readonly limit: string

  constructor(limit: string, message: string, offset: number) {
    super(message, offset)
    this.limit = limit
  }
}
