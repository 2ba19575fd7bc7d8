import type { Clock } from '../../../../kernel/clock.ts'
import type { Database } from '../../../../kernel/storage/database.ts'
import type { EmailTokens } from '../../../auth/email-tokens.ts'
import { newPasswordCharsMax, type Passwords } from '../../../auth/password.ts'
import { accountById, setEmail, setPasswordHash } from '../../../database/accounts.ts'
import { deleteSessionsOf } from '../../../database/sessions.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'

interface Input {
  readonly token: string
  readonly password: string
}

export interface ResetPasswordDeps {
  readonly database: Database
  readonly clock: Clock
  readonly passwords: Pick<Passwords, 'hash'>
  readonly emailTokens: Pick<EmailTokens, 'spendUnnamed'>
}

/** com.atproto.server.resetPassword: whoever was signed in is signed out. */
export function createResetPassword(deps: ResetPasswordDeps): XrpcMethod<unknown, Input> {
  const { database, clock } = deps
  return {
    nsid: 'com.atproto.server.resetPassword',
    type: 'procedure',
    auth: { need: 'nothing' },
    rate: [{ class: 'auth', key: (_, address) => `reset ${address}` }],
    handle: async ({ input }) => {
      if (input.password === '' || input.password.length > newPasswordCharsMax) {
        throw refuse('InvalidRequest', 'Invalid password length.')
      }
      const id = await deps.emailTokens.spendUnnamed('reset_password', input.token)
      const hash = await deps.passwords.hash(input.password)
      const now = clock.now()
      await database.write(async tx => {
        const account = await accountById(tx, id)
        if (account === undefined) return
        await setPasswordHash(tx, id, hash)
        // The token came by mail: the address is hers.
        if (account.emailConfirmedAt === null) await setEmail(tx, id, account.email, now)
        await deleteSessionsOf(tx, id, '')
      })
      return undefined
    },
  }
}
