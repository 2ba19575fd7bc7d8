export type DropErrorCode =
  | 'unauthorised' // nobody who may has signed the entry
  | 'digest' // the payload is not the entry's
  | 'too-large'
  | 'delegated' // a token that was passed on: export refuses it unless it is asked for

/** Why a drop is refused, all of it: what comes after a bad entry is told by it. */
export class DropError extends Error {
  override readonly name = 'DropError'
  readonly code: DropErrorCode
  /** The number of the entry, from 0. */
  readonly index: number

  constructor(code: DropErrorCode, index: number, message: string) {
    super(message)
    this.code = code
    this.index = index
  }
}
