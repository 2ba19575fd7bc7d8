import type { Database } from '../../../../kernel/storage/database.ts'
import { type Account, accountById } from '../../../database/accounts.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { sessionOf } from '../server/session-of.ts'

/** Mails a single-use token to the account's address. */
export type IssueEmailToken = (account: Account, purpose: 'plc_operation') => Promise<void>

/** com.atproto.identity.requestPlcOperationSignature */
export function createRequestPlcOperationSignature(deps: {
  readonly database: Pick<Database, 'read'>
  readonly issueEmailToken: IssueEmailToken
}): XrpcMethod {
  return {
    nsid: 'com.atproto.identity.requestPlcOperationSignature',
    type: 'procedure',
    // The same as for signPlcOperation.
    auth: { need: 'session', scope: 'full', also: ['deactivated', 'takendown', 'suspended'] },
    rate: [{ class: 'auth' }],
    handle: async call => {
      const { account: id } = sessionOf(call)
      const account = await deps.database.read(tx => accountById(tx, id))
      if (account === undefined) throw refuse('InvalidRequest', 'account not found')
      if (account.email === null) {
        throw refuse('InvalidRequest', 'account does not have an email address')
      }
      await deps.issueEmailToken(account, 'plc_operation')
      return undefined
    },
  }
}
