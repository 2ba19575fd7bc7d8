import type { Did } from '../../../../kernel/identity/types.ts'
import type { Database } from '../../../../kernel/storage/database.ts'
import type { AccountWish } from '../../../auth/account-wish.ts'
import type { CreateAccount } from '../../../auth/create-account.ts'
import type { Credentials } from '../../../auth/credentials.ts'
import type { Sessions } from '../../../auth/session.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { originOf } from './origin.ts'
import { documentIfAny, type DocumentOf } from './session-view.ts'

interface Input {
  readonly handle: string
  readonly did?: Did
  readonly email?: string
  readonly password?: string
  readonly inviteCode?: string
  readonly recoveryKey?: string
  readonly plcOp?: unknown
}

export interface CreateAccountMethodDeps {
  readonly database: Database
  readonly createAccount: CreateAccount
  readonly sessions: Pick<Sessions, 'open'>
  readonly documentOf: DocumentOf
}

/** com.atproto.server.createAccount */
export function createCreateAccountMethod(deps: CreateAccountMethodDeps): XrpcMethod<unknown, Input> {
  const nsid = 'com.atproto.server.createAccount'
  return {
    nsid,
    type: 'procedure',
    auth: { need: 'optional-service' },
    rate: [{ class: 'auth', key: (_, address) => `${nsid} ${address}` }],
    handle: async call => {
      if (call.input.plcOp !== undefined) throw refuse('InvalidRequest', 'Unsupported input: "plcOp"')
      const { id, did, handle } = await deps.createAccount(wishOf(call.input, call.credentials))
      const session = { account: id, did, kind: 'access' as const, origin: originOf(call) }
      const { accessJwt, refreshJwt } = await deps.database.write(tx => deps.sessions.open(tx, session))
      const didDoc = await documentIfAny(did, deps.documentOf)
      return { json: { handle, did, didDoc, accessJwt, refreshJwt } }
    },
  }
}

function wishOf(input: Input, credentials: Credentials): AccountWish {
  const { did, handle } = input
  const wish = { handle, ...given(input, ['email', 'password', 'inviteCode', 'recoveryKey']) }
  if (did === undefined) return { ...wish, way: { kind: 'password' } }
  if (credentials.kind !== 'service' || credentials.issuer !== did) {
    throw refuse('AuthenticationRequired', `Missing auth to create account with did: ${did}`)
  }
  const proof = { hash: credentials.tokenHash ?? '', expiresAt: credentials.expiresAt ?? 0 }
  return { ...wish, way: { kind: 'migration', did, proof } }
}

type Optional = 'email' | 'password' | 'inviteCode' | 'recoveryKey'

/** The members that are there: an absent one and an undefined one are not the same to a wish. */
function given(input: Input, names: readonly Optional[]): Partial<Record<Optional, string>> {
  return Object.fromEntries(names.flatMap(name => (input[name] === undefined ? [] : [[name, input[name]]])))
}
