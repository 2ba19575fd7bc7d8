import type { UpdateHandle } from '../../../identity/update-handle.ts'
import type { XrpcMethod } from '../../method.ts'
import { sessionOf } from '../server/session-of.ts'

/** com.atproto.identity.updateHandle */
export function createUpdateHandleMethod(deps: {
  readonly updateHandle: UpdateHandle
}): XrpcMethod<unknown, { readonly handle: string }> {
  return {
    nsid: 'com.atproto.identity.updateHandle',
    type: 'procedure',
    auth: { need: 'session', also: ['deactivated'] },
    rate: [{ class: 'auth' }],
    handle: async call => {
      await deps.updateHandle(sessionOf(call).did, call.input.handle)
      return undefined
    },
  }
}
