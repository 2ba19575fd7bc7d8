import type { Tx } from '../../../../kernel/storage/database.ts'
import type { Account } from '../../../database/accounts.ts'
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

/** Uses up a mailed token; false when it is not the account's, or too old. */
export type RedeemEmailToken = (
  tx: Tx,
  account: Account,
  purpose: 'plc_operation',
  token: string,
) => Promise<boolean>

/** com.atproto.identity.signPlcOperation */
export function createSignPlcOperation(deps: {
  readonly plcActs: Pick<PlcActs, 'sign'>
  readonly redeemEmailToken: RedeemEmailToken
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
      const changes = decodeChanges(wished)
      const operation = await deps.plcActs.sign(sessionOf(call).did, changes, async (tx, account) => {
        const redeemed = await deps.redeemEmailToken(tx, account, 'plc_operation', token)
        if (!redeemed) throw refuse('InvalidToken', 'Token is invalid')
      })
      return { json: { operation } }
    },
  }
}
