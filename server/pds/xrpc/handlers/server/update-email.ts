import type { Database } from '../../../../kernel/storage/database.ts'
import { normalizeEmail } from '../../../auth/email-address.ts'
import type { EmailTokens } from '../../../auth/email-tokens.ts'
import { accountByEmail, setEmail } from '../../../database/accounts.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { accountOf } from './account-of.ts'

interface Input {
  readonly email: string
  readonly token?: string
}

export interface UpdateEmailDeps {
  readonly database: Database
  readonly emailTokens: Pick<EmailTokens, 'spend'>
}

/** com.atproto.server.updateEmail: the new address is not confirmed until its own token comes back. */
export function createUpdateEmail(deps: UpdateEmailDeps): XrpcMethod<unknown, Input> {
  const { database } = deps
  return {
    nsid: 'com.atproto.server.updateEmail',
    type: 'procedure',
    auth: { need: 'session', scope: 'full', also: ['deactivated'] },
    rate: [{ class: 'auth' }],
    handle: async call => {
      const account = await accountOf(call, database)
      const email = normalizeEmail(call.input.email)
      if (account.email !== null && account.emailConfirmedAt !== null) {
        const { token = '' } = call.input
        if (token === '') throw refuse('TokenRequired', 'confirmation token required')
        await deps.emailTokens.spend(account.id, 'update_email', token)
      }
      const free = await database.write(
        async tx => {
          const other = await accountByEmail(tx, email)
          if (other !== undefined && other.id !== account.id) return false
          await setEmail(tx, account.id, email, null)
          return true
        },
        { locks: [`email:${email}`] },
      )
      if (!free) {
        throw refuse('InvalidRequest', 'This email address is already in use, please use a different email.')
      }
      return undefined
    },
  }
}
