import { accountByEmail } from '../../../database/accounts.ts'
import type { XrpcMethod } from '../../method.ts'
import type { MailedTokenDeps } from './request-email-confirmation.ts'

/**
 * com.atproto.server.requestPasswordReset: the answer is the same whether or not an account has the address, so that
 * nobody can find out who has one here.
 */
export function createRequestPasswordReset(
  deps: MailedTokenDeps,
): XrpcMethod<unknown, { readonly email: string }> {
  return {
    nsid: 'com.atproto.server.requestPasswordReset',
    type: 'procedure',
    auth: { need: 'nothing' },
    rate: [{ class: 'auth', key: (_, address) => `reset ${address}` }],
    handle: async ({ input }) => {
      const email = input.email.trim().toLowerCase()
      const account = email.includes('\0')
        ? undefined
        : await deps.database.read(tx => accountByEmail(tx, email))
      if (account !== undefined) await deps.emailTokens.issue(account, 'reset_password')
      return undefined
    },
  }
}
