export type LeafErrorCode =
  | 'SchemaMismatch' // a value is not one of its kind
  | 'NotAuthorised' // no key or capability here lets one do this
  | 'Obsolete' // something newer stands there that cannot be passed
  | 'TooLarge' // more than an entity, a component or a blob may have
  | 'DecryptKeyMissing' // no key here opens it
  | 'BadPath' // a path that cannot be
  | 'Incomplete' // its bytes have not all arrived yet
  | 'Unresolved' // a link whose keys nobody could tell
  | 'WrongPassphrase'
  | 'BadFile' // a file that is not what it should be, or was changed
  | 'Pairing' // two devices did not agree
  | 'Closed'

/** What the library could not do; nothing is half done. */
export class LeafError extends Error {
  override readonly name = 'LeafError'
  readonly code: LeafErrorCode

  constructor(code: LeafErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
