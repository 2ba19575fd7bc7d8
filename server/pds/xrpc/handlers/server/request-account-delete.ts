import type { XrpcMethod } from '../../method.ts'
import { accountOf } from './account-of.ts'
import type { MailedTokenDeps } from './request-email-confirmation.ts'

/** com.atproto.server.requestAccountDelete */
export function createRequestAccountDelete(deps: MailedTokenDeps): XrpcMethod {
  return {
    nsid: 'com.atproto.server.requestAccountDelete',
    type: 'procedure',
    auth: { need: 'session', scope: 'full', also: ['deactivated'] },
    rate: [{ class: 'auth' }],
    handle: async call => {
      await deps.emailTokens.issue(await accountOf(call, deps.database), 'delete_account')
      return undefined
    },
  }
}
