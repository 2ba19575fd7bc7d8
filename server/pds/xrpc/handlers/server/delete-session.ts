import type { Sessions } from '../../../auth/session.ts'
import type { XrpcMethod } from '../../method.ts'

/** com.atproto.server.deleteSession: also with a refresh token whose time is over. */
export function createDeleteSession(deps: { readonly sessions: Pick<Sessions, 'end'> }): XrpcMethod {
  return {
    nsid: 'com.atproto.server.deleteSession',
    type: 'procedure',
    auth: { need: 'refresh', allowExpired: true },
    handle: async ({ credentials }) => {
      if (credentials.kind === 'refresh') await deps.sessions.end(credentials.sessionId)
      return undefined
    },
  }
}
