import type { XrpcMethod } from '../../method.ts'
import { createGetRepo, type GetRepoDeps } from './get-repo.ts'

/** com.atproto.sync.getCheckout, deprecated: getRepo without `since`. */
export function createGetCheckout(deps: GetRepoDeps): XrpcMethod<{ readonly did: string }> {
  return { ...createGetRepo(deps), nsid: 'com.atproto.sync.getCheckout' }
}
