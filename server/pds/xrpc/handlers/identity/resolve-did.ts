import type { Resolution } from '../../../identity/resolution.ts'
import type { XrpcMethod } from '../../method.ts'

/** com.atproto.identity.resolveDid */
export function createResolveDid(deps: {
  readonly resolution: Pick<Resolution, 'resolveDid'>
}): XrpcMethod<{ readonly did: string }> {
  return {
    nsid: 'com.atproto.identity.resolveDid',
    type: 'query',
    auth: { need: 'nothing' },
    rate: [{ class: 'read' }],
    handle: async ({ params }) => ({ json: { didDoc: await deps.resolution.resolveDid(params.did) } }),
  }
}
