import { decodeChanges } from '../../../identity/plc.ts'
import type { PlcActs } from '../../../identity/plc-acts.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { sessionOf } from '../server/session-of.ts'

interface Input {
  readonly token?: string
  readonly rotationKeys?: readonly string[]
  readonly alsoKnownAs?: readonly string[]
  readonly verificationMethods?: unknown
  readonly services?: unknown
}

/** Uses up a mailed token; throws InvalidToken or ExpiredToken when it is not the account's, or too old. */
export type SpendEmailToken = (account: number, purpose: 'plc_operation', token: string) => Promise<void>

/** com.atproto.identity.signPlcOperation */
export function createSignPlcOperation(deps: {
  readonly plcActs: Pick<PlcActs, 'sign'>
  readonly spendEmailToken: SpendEmailToken
}): XrpcMethod<unknown, Input> {
  return {
    nsid: 'com.atproto.identity.signPlcOperation',
    type: 'procedure',
    auth: { need: 'session', scope: 'full', also: ['deactivated', 'takendown', 'suspended'] },
    rate: [{ class: 'auth' }],
    handle: async call => {
      const { token, ...wished } = call.input
      if (token === undefined || token === '') {
        throw refuse('InvalidRequest', 'email confirmation token required to sign PLC operations')
      }
      const { did, account } = sessionOf(call)
      const operation = await deps.plcActs.sign(did, decodeChanges(wished), () =>
        deps.spendEmailToken(account, 'plc_operation', token),
      )
      return { json: { operation } }
    },
  }
}
