import type { Database } from '../../../../kernel/storage/database.ts'
import { accountById } from '../../../database/accounts.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { sessionOf } from './session-of.ts'
import { type DocumentOf, sessionView } from './session-view.ts'

export interface GetSessionDeps {
  readonly database: Database
  readonly documentOf: DocumentOf
}

/** com.atproto.server.getSession */
export function createGetSession(deps: GetSessionDeps): XrpcMethod {
  return {
    nsid: 'com.atproto.server.getSession',
    type: 'query',
    auth: { need: 'session', also: ['deactivated'] },
    handle: async call => {
      const { account: id, did } = sessionOf(call)
      const account = await deps.database.read(tx => accountById(tx, id))
      if (account === undefined) {
        throw refuse('InvalidRequest', `Could not find user info for account: ${did}`)
      }
      return { json: await sessionView(account, deps.documentOf) }
    },
  }
}
