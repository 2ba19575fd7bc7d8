import type { AccountStatusActs } from '../../../auth/account-status.ts'
import type { XrpcMethod } from '../../method.ts'
import { sessionOf } from './session-of.ts'

/** com.atproto.server.activateAccount */
export function createActivateAccount(deps: {
  readonly status: Pick<AccountStatusActs, 'activate'>
}): XrpcMethod {
  return {
    nsid: 'com.atproto.server.activateAccount',
    type: 'procedure',
    auth: { need: 'session', scope: 'full', also: ['deactivated'] },
    handle: async call => {
      await deps.status.activate(sessionOf(call).account)
      return undefined
    },
  }
}
