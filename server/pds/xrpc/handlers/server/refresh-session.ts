import type { Database } from '../../../../kernel/storage/database.ts'
import { assertStatus } from '../../../auth/guard.ts'
import type { Sessions } from '../../../auth/session.ts'
import { accountByDid } from '../../../database/accounts.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { type DocumentOf, sessionView } from './session-view.ts'

export interface RefreshSessionDeps {
  readonly database: Database
  readonly sessions: Pick<Sessions, 'refresh'>
  readonly documentOf: DocumentOf
}

/** com.atproto.server.refreshSession */
export function createRefreshSession(deps: RefreshSessionDeps): XrpcMethod {
  return {
    nsid: 'com.atproto.server.refreshSession',
    type: 'procedure',
    auth: { need: 'refresh' },
    handle: async ({ credentials }) => {
      if (credentials.kind !== 'refresh') throw refuse('AuthMissing', 'Authentication Required')
      const account = await deps.database.read(tx => accountByDid(tx, credentials.did))
      if (account === undefined) throw refuse('ExpiredToken', 'Token has been revoked')
      assertStatus(account.status, ['deactivated'])
      const { accessJwt, refreshJwt } = await deps.sessions.refresh(credentials)
      return { json: { accessJwt, refreshJwt, ...(await sessionView(account, deps.documentOf)) } }
    },
  }
}
