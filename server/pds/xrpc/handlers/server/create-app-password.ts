import type { AppPasswords } from '../../../auth/app-passwords.ts'
import type { XrpcMethod } from '../../method.ts'
import { sessionOf } from './session-of.ts'

interface Input {
  readonly name: string
  readonly privileged?: boolean
}

/** com.atproto.server.createAppPassword */
export function createCreateAppPassword(deps: {
  readonly appPasswords: Pick<AppPasswords, 'create'>
}): XrpcMethod<unknown, Input> {
  return {
    nsid: 'com.atproto.server.createAppPassword',
    type: 'procedure',
    auth: { need: 'session', scope: 'full', also: ['deactivated'] },
    handle: async call => {
      const { name, privileged = false } = call.input
      const made = await deps.appPasswords.create(sessionOf(call).account, { name, privileged })
      return { json: { ...made, createdAt: new Date(made.createdAt).toISOString() } }
    },
  }
}
