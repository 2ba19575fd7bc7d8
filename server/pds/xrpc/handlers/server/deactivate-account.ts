import type { AccountStatusActs } from '../../../auth/account-status.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { sessionOf } from './session-of.ts'

interface Input {
  /** A datetime. */
  readonly deleteAfter?: string
}

/** com.atproto.server.deactivateAccount */
export function createDeactivateAccount(deps: {
  readonly status: Pick<AccountStatusActs, 'deactivate'>
}): XrpcMethod<unknown, Input> {
  return {
    nsid: 'com.atproto.server.deactivateAccount',
    type: 'procedure',
    auth: { need: 'session', scope: 'full', also: ['deactivated', 'takendown', 'suspended'] },
    handle: async call => {
      const { deleteAfter } = call.input
      const at = deleteAfter === undefined ? null : Date.parse(deleteAfter)
      if (Number.isNaN(at)) throw refuse('InvalidRequest', 'expected a datetime in deleteAfter')
      await deps.status.deactivate(sessionOf(call).account, at)
      return undefined
    },
  }
}
