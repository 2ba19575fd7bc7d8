/** The ways in which this package says no. */

export { LimitError, MalformedError } from '@leaf/codec/errors'

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
