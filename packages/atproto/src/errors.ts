/** The ways in which this package says no. */

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

/** A block is needed that the loader, the proof or the CAR does not have. */
export class MissingBlockError extends Error {
  override readonly name = 'MissingBlockError'
  /** The block's CID as text. */
  readonly cid: string

  constructor(cid: string) {
    super(`block ${cid} is missing`)
    this.cid = cid
  }
}

/** Why operations on a repository cannot be done. */
export type RepoErrorCode =
  | 'record-exists' // a create of a path that is taken
  | 'record-missing' // an update or delete of a path that is free
  | 'invalid-path' // not `collection/rkey`
  | 'too-many-ops'
  | 'too-big' // the commit's blocks exceed what consumers accept
  | 'mismatch' // an operation and the tree that it is to be inverted on disagree

/** Operations that cannot be done; nothing was changed. */
export class RepoError extends Error {
  override readonly name = 'RepoError'
  readonly code: RepoErrorCode
  /** The path that it is about, if it is about one. */
  readonly path: string | undefined

  constructor(code: RepoErrorCode, message: string, path?: string) {
    super(message)
    this.code = code
    this.path = path
  }
}
