/** The PDS's own refusals: ATProto error names with their HTTP status. */
import { Refusal, type RefusalCode } from '../../kernel/errors.ts'

/** Every error name that the PDS answers with, and the kind of refusal it is. */
const codes = {
  InvalidRequest: 'invalid',
  InvalidSwap: 'invalid',
  InvalidHandle: 'invalid',
  HandleNotAvailable: 'invalid',
  HandleNotFound: 'invalid',
  UnsupportedDomain: 'invalid',
  UnresolvableDid: 'invalid',
  IncompatibleDidDoc: 'invalid',
  InvalidInviteCode: 'invalid',
  InvalidPassword: 'invalid',
  InvalidEmail: 'invalid',
  InvalidToken: 'invalid',
  ExpiredToken: 'invalid',
  TokenRequired: 'invalid',
  InvalidMimeType: 'invalid',
  InvalidSize: 'invalid',
  BlobTooLarge: 'invalid',
  BlobNotFound: 'invalid',
  BlockNotFound: 'invalid',
  HeadNotFound: 'invalid',
  RepoNotFound: 'invalid',
  RecordNotFound: 'invalid',
  RepoTakendown: 'invalid',
  RepoSuspended: 'invalid',
  RepoDeactivated: 'invalid',
  BadExpiration: 'invalid',
  AccountNotFound: 'invalid',
  QuotaExceeded: 'invalid',
  AuthMissing: 'unauthenticated',
  AuthenticationRequired: 'unauthenticated',
  AccountTakedown: 'unauthenticated',
  AccountDeactivated: 'unauthenticated',
  AuthFactorTokenRequired: 'unauthenticated',
  BadJwt: 'unauthenticated',
  BadJwtAudience: 'unauthenticated',
  BadJwtLexiconMethod: 'unauthenticated',
  BadJwtSignature: 'unauthenticated',
  JwtExpired: 'unauthenticated',
  UntrustedIss: 'unauthenticated',
  Forbidden: 'forbidden',
  PayloadTooLarge: 'too-large',
  UnsupportedMediaType: 'unsupported-media',
  RateLimitExceeded: 'limited',
  UpstreamFailure: 'upstream',
  UpstreamTimeout: 'upstream-timeout',
  MethodNotImplemented: 'unimplemented',
} as const satisfies Record<string, RefusalCode>

export type XrpcErrorName = keyof typeof codes

/** A Refusal with the name that ATProto clients look at. `throw refuse('InvalidSwap', 'Commit was at …')`. */
export function refuse(name: XrpcErrorName, message: string, cause?: unknown): Refusal {
  return new Refusal(codes[name], message, cause === undefined ? { name } : { name, cause })
}
