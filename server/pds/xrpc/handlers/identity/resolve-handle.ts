import type { Resolution } from '../../../identity/resolution.ts'
import type { XrpcMethod } from '../../method.ts'

/** com.atproto.identity.resolveHandle */
export function createResolveHandle(deps: {
  readonly resolution: Pick<Resolution, 'resolveHandle'>
}): XrpcMethod<{ readonly handle: string }> {
  return {
    nsid: 'com.atproto.identity.resolveHandle',
    type: 'query',
    auth: { need: 'nothing' },
    rate: [{ class: 'read' }],
    handle: async ({ params }) => ({ json: { did: await deps.resolution.resolveHandle(params.handle) } }),
  }
}
