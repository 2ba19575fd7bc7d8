/** Where Leaf answers otherwise than the reference, on purpose: by the name of the case, with the reason. */

export interface Difference {
  readonly why: string
  /** What Leaf answers instead. Where both are the reference's too, it is the body or a header that differs. */
  readonly status: number
  readonly error?: string
}

const invalid = (why: string): Difference => ({ why, status: 400, error: 'InvalidRequest' })
const referenceFails = invalid('the reference fails with 500 on what is a fault of the request')
const noAppView = 'the reference has no AppView here that it could ask, and says that'
const namedByLexicon = 'the lexicon has a name for this error'

export const differences: Readonly<Record<string, Difference>> = {
  'createAccount: an invite code where none is needed': {
    why: 'a code that nobody asked for is not looked at',
    status: 200,
  },
  'getSession: a token of an unknown account': {
    why: 'a token is good only together with its session, which is looked up first',
    status: 400,
    error: 'InvalidToken',
  },
  'createAppPassword: the same name again': referenceFails,
  'createRecord: an existing record key': referenceFails,
  'createRecord: a number beyond the safe integers': referenceFails,
  'createRecord: a bad $link': invalid(
    'what looks like a link and is none would come back as something else',
  ),
  'createRecord: bad $bytes': invalid('what looks like bytes and is none would come back as something else'),
  'createRecord: a record of 1.2 MB': invalid('the limit is the size of the record, not that of the request'),
  'applyWrites: deletion of a missing record': referenceFails,
  'applyWrites: update of a missing record': referenceFails,
  'applyWrites: creation of an existing record': referenceFails,
  'getRecord: an unknown repo': { why: noAppView, status: 400, error: 'RecordNotFound' },
  'getRecord: an unknown DID': { why: noAppView, status: 400, error: 'RecordNotFound' },
  'getRecord: of a deactivated account': { why: noAppView, status: 400, error: 'RecordNotFound' },
  'uploadBlob: nothing at all': invalid('an upload of nothing is a slip of the client, and no blob'),
  'getBlob: temporary': { why: namedByLexicon, status: 400, error: 'BlobNotFound' },
  'getBlob: missing': { why: namedByLexicon, status: 400, error: 'BlobNotFound' },
  'sync.getBlocks: a missing one': { why: namedByLexicon, status: 400, error: 'BlockNotFound' },
  'sync.getRepo: since the head': {
    why: 'the commit that is the root of the CAR is always in it',
    status: 200,
  },
  'importRepo: bytes that are no CAR': referenceFails,
  'importRepo: an empty body': referenceFails,
  "importRepo: somebody else's repo": invalid('the records of another would be signed as one’s own'),
  'requestPasswordReset: unknown': { why: 'nobody is told who has an account here', status: 200 },
  'getSession: after the password was reset': {
    why: 'a new password ends every session at once, not when its token runs out',
    status: 400,
    error: 'ExpiredToken',
  },
  'getSession: of a deleted account': {
    why: 'a session is looked up at every request, and ends with its account',
    status: 400,
    error: 'ExpiredToken',
  },
  'an unknown method': {
    why: 'without a token the first thing that is missing is the token, as at a reference that has an AppView',
    status: 401,
    error: 'AuthMissing',
  },
  'an unknown method, with a token': { why: noAppView, status: 501, error: 'MethodNotImplemented' },
  'an unknown procedure': { why: noAppView, status: 501, error: 'MethodNotImplemented' },
  'a method name that is none': {
    why: 'without a token the first thing that is missing is the token',
    status: 401,
    error: 'AuthMissing',
  },
  'an unknown path': { why: 'errors are told in JSON', status: 404, error: 'NotFound' },
}
