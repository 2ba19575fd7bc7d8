import type { Clock } from '../../../../kernel/clock.ts'
import type { Database } from '../../../../kernel/storage/database.ts'
import type { EmailTokens } from '../../../auth/email-tokens.ts'
import { setEmail } from '../../../database/accounts.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { accountOf } from './account-of.ts'

interface Input {
  readonly email: string
  readonly token: string
}

export interface ConfirmEmailDeps {
  readonly database: Database
  readonly clock: Clock
  readonly emailTokens: Pick<EmailTokens, 'spend'>
}

/** com.atproto.server.confirmEmail */
export function createConfirmEmail(deps: ConfirmEmailDeps): XrpcMethod<unknown, Input> {
  return {
    nsid: 'com.atproto.server.confirmEmail',
    type: 'procedure',
    auth: { need: 'session', also: ['deactivated'] },
    rate: [{ class: 'auth' }],
    handle: async call => {
      const account = await accountOf(call, deps.database)
      if (account.email === null || account.email !== call.input.email.trim().toLowerCase()) {
        throw refuse('InvalidEmail', 'invalid email')
      }
      await deps.emailTokens.spend(account.id, 'confirm_email', call.input.token)
      const now = deps.clock.now()
      await deps.database.write(tx => setEmail(tx, account.id, account.email, now))
      return undefined
    },
  }
}
