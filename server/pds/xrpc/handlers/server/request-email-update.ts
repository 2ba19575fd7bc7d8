import type { XrpcMethod } from '../../method.ts'
import { accountOf } from './account-of.ts'
import type { MailedTokenDeps } from './request-email-confirmation.ts'

/** com.atproto.server.requestEmailUpdate: a token goes to the old address, if that was confirmed. */
export function createRequestEmailUpdate(deps: MailedTokenDeps): XrpcMethod {
  return {
    nsid: 'com.atproto.server.requestEmailUpdate',
    type: 'procedure',
    auth: { need: 'session', scope: 'full', also: ['deactivated'] },
    rate: [{ class: 'auth' }],
    handle: async call => {
      const account = await accountOf(call, deps.database)
      const tokenRequired = account.email !== null && account.emailConfirmedAt !== null
      if (tokenRequired) await deps.emailTokens.issue(account, 'update_email')
      return { json: { tokenRequired } }
    },
  }
}
