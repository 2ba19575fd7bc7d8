import type { Resolution } from '../../../identity/resolution.ts'
import type { XrpcMethod } from '../../method.ts'

/** com.atproto.identity.resolveIdentity */
export function createResolveIdentity(deps: {
  readonly resolution: Pick<Resolution, 'resolveIdentity'>
}): XrpcMethod<{ readonly identifier: string }> {
  return {
    nsid: 'com.atproto.identity.resolveIdentity',
    type: 'query',
    auth: { need: 'nothing' },
    rate: [{ class: 'read' }],
    handle: async ({ params }) => ({ json: await deps.resolution.resolveIdentity(params.identifier) }),
  }
}
