import type { Database } from '../../../../kernel/storage/database.ts'
import type { LogIn } from '../../../auth/log-in.ts'
import type { Sessions } from '../../../auth/session.ts'
import type { XrpcMethod } from '../../method.ts'
import { originOf } from './origin.ts'
import { type DocumentOf, sessionView } from './session-view.ts'

interface Input {
  readonly identifier: string
  readonly password: string
  readonly allowTakendown?: boolean
}

export interface CreateSessionDeps {
  readonly database: Database
  readonly logIn: LogIn
  readonly sessions: Pick<Sessions, 'open'>
  readonly documentOf: DocumentOf
}

/** com.atproto.server.createSession */
export function createCreateSession(deps: CreateSessionDeps): XrpcMethod<unknown, Input> {
  return {
    nsid: 'com.atproto.server.createSession',
    type: 'procedure',
    auth: { need: 'nothing' },
    rate: [{ class: 'auth', key: (input, address) => `${input.identifier.slice(0, 256)} ${address}` }],
    handle: async call => {
      const { identifier, password, allowTakendown = false } = call.input
      const { account, kind, appPassword } = await deps.logIn({ identifier, password, allowTakendown })
      const opened = await deps.database.write(tx =>
        deps.sessions.open(tx, {
          account: account.id,
          did: account.did,
          kind,
          ...(appPassword === undefined ? {} : { appPassword }),
          origin: originOf(call),
        }),
      )
      const { accessJwt, refreshJwt } = opened
      return { json: { accessJwt, refreshJwt, ...(await sessionView(account, deps.documentOf)) } }
    },
  }
}
