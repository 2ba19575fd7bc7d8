import type { AppPasswords } from '../../../auth/app-passwords.ts'
import type { XrpcMethod } from '../../method.ts'
import { sessionOf } from './session-of.ts'

/** com.atproto.server.listAppPasswords */
export function createListAppPasswords(deps: {
  readonly appPasswords: Pick<AppPasswords, 'list'>
}): XrpcMethod {
  return {
    nsid: 'com.atproto.server.listAppPasswords',
    type: 'query',
    auth: { need: 'session', also: ['deactivated'] },
    handle: async call => {
      const list = await deps.appPasswords.list(sessionOf(call).account)
      return {
        json: {
          passwords: list.map(one => ({ ...one, createdAt: new Date(one.createdAt).toISOString() })),
        },
      }
    },
  }
}
