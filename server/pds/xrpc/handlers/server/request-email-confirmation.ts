import type { Database } from '../../../../kernel/storage/database.ts'
import type { EmailTokens } from '../../../auth/email-tokens.ts'
import type { XrpcMethod } from '../../method.ts'
import { accountOf } from './account-of.ts'

export interface MailedTokenDeps {
  readonly database: Database
  readonly emailTokens: Pick<EmailTokens, 'issue'>
}

/** com.atproto.server.requestEmailConfirmation */
export function createRequestEmailConfirmation(deps: MailedTokenDeps): XrpcMethod {
  return {
    nsid: 'com.atproto.server.requestEmailConfirmation',
    type: 'procedure',
    auth: { need: 'session', also: ['deactivated'] },
    rate: [{ class: 'auth' }],
    handle: async call => {
      await deps.emailTokens.issue(await accountOf(call, deps.database), 'confirm_email')
      return undefined
    },
  }
}
