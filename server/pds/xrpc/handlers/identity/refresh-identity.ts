import type { Resolution } from '../../../identity/resolution.ts'
import type { XrpcMethod } from '../../method.ts'

/** com.atproto.identity.refreshIdentity: for those who have a session here, since each call goes outside. */
export function createRefreshIdentity(deps: {
  readonly resolution: Pick<Resolution, 'resolveIdentity'>
}): XrpcMethod<unknown, { readonly identifier: string }> {
  return {
    nsid: 'com.atproto.identity.refreshIdentity',
    type: 'procedure',
    auth: { need: 'session', also: ['deactivated'] },
    rate: [{ class: 'auth' }],
    handle: async ({ input }) => ({
      json: await deps.resolution.resolveIdentity(input.identifier, { force: true }),
    }),
  }
}
