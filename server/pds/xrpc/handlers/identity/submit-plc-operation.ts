import type { PlcActs } from '../../../identity/plc-acts.ts'
import type { XrpcMethod } from '../../method.ts'
import { sessionOf } from '../server/session-of.ts'

/** com.atproto.identity.submitPlcOperation */
export function createSubmitPlcOperation(deps: {
  readonly plcActs: Pick<PlcActs, 'submit'>
}): XrpcMethod<unknown, { readonly operation: unknown }> {
  return {
    nsid: 'com.atproto.identity.submitPlcOperation',
    type: 'procedure',
    auth: { need: 'session', also: ['deactivated'] },
    rate: [{ class: 'auth' }],
    handle: async call => {
      await deps.plcActs.submit(sessionOf(call).did, call.input.operation)
      return undefined
    },
  }
}
