import type { Database } from '../../../../kernel/storage/database.ts'
import type { AccountStatusActs } from '../../../auth/account-status.ts'
import type { EmailTokens } from '../../../auth/email-tokens.ts'
import { oldPasswordCharsMax, type Passwords } from '../../../auth/password.ts'
import { accountByDid } from '../../../database/accounts.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'

interface Input {
  readonly did: string
  readonly password: string
  readonly token: string
}

export interface DeleteAccountDeps {
  readonly database: Database
  readonly passwords: Pick<Passwords, 'verify'>
  readonly emailTokens: Pick<EmailTokens, 'spend'>
  readonly status: Pick<AccountStatusActs, 'remove'>
}

/** com.atproto.server.deleteAccount: by password and mailed token, both. */
export function createDeleteAccount(deps: DeleteAccountDeps): XrpcMethod<unknown, Input> {
  return {
    nsid: 'com.atproto.server.deleteAccount',
    type: 'procedure',
    auth: { need: 'nothing' },
    rate: [{ class: 'auth', key: (input, address) => `${input.did.slice(0, 256)} ${address}` }],
    handle: async ({ input }) => {
      if (input.password.length > oldPasswordCharsMax) {
        throw refuse('AuthenticationRequired', 'Password too long. Consider resetting your password.')
      }
      const account = await deps.database.read(tx => accountByDid(tx, input.did))
      if (account === undefined) throw refuse('InvalidRequest', 'account not found')
      if (!(await deps.passwords.verify(input.password, account.passwordHash))) {
        throw refuse('AuthenticationRequired', 'Invalid did or password')
      }
      await deps.emailTokens.spend(account.id, 'delete_account', input.token)
      await deps.status.remove(account.id)
      return undefined
    },
  }
}
