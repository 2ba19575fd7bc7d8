import type { AppPasswords } from '../../../auth/app-passwords.ts'
import type { XrpcMethod } from '../../method.ts'
import { sessionOf } from './session-of.ts'

/** com.atproto.server.revokeAppPassword: nothing happens where there is none of this name. */
export function createRevokeAppPassword(deps: {
  readonly appPasswords: Pick<AppPasswords, 'revoke'>
}): XrpcMethod<unknown, { readonly name: string }> {
  return {
    nsid: 'com.atproto.server.revokeAppPassword',
    type: 'procedure',
    auth: { need: 'session', also: ['deactivated'] },
    handle: async call => {
      await deps.appPasswords.revoke(sessionOf(call).account, call.input.name)
      return undefined
    },
  }
}
