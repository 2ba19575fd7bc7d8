import type { Database } from '../../../../kernel/storage/database.ts'
import { invitesCreatedBy } from '../../../database/invites.ts'
import type { XrpcMethod } from '../../method.ts'
import { sessionOf } from './session-of.ts'

interface Params {
  readonly includeUsed?: boolean
  /** Nobody gets codes by asking here: the operator gives them. */
  readonly createAvailable?: boolean
}

const codesMax = 100

/** com.atproto.server.getAccountInviteCodes: the codes that were made for the account. */
export function createGetAccountInviteCodes(deps: { readonly database: Database }): XrpcMethod<Params> {
  return {
    nsid: 'com.atproto.server.getAccountInviteCodes',
    type: 'query',
    auth: { need: 'session', scope: 'full', also: ['deactivated'] },
    handle: async call => {
      const { did } = sessionOf(call)
      const rows = await deps.database.read(tx => invitesCreatedBy(tx, did, codesMax))
      const shown = rows.filter(row => call.params.includeUsed !== false || row.usesLeft > 0)
      const codes = shown.map(row => ({
        code: row.code,
        available: row.usesLeft,
        disabled: false,
        forAccount: did,
        createdBy: did,
        createdAt: new Date(row.createdAt).toISOString(),
        uses: [],
      }))
      return { json: { codes } }
    },
  }
}
