import type { Credentials } from '../../../auth/credentials.ts'
import { refuse } from '../../refuse.ts'

/** The session of a method whose rule needs one. */
export function sessionOf(call: {
  readonly credentials: Credentials
}): Extract<Credentials, { readonly kind: 'session' }> {
  const { credentials } = call
  if (credentials.kind !== 'session') throw refuse('AuthMissing', 'Authentication Required')
  return credentials
}
