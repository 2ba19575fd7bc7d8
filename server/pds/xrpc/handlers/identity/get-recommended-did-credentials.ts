import type { PlcActs } from '../../../identity/plc-acts.ts'
import type { XrpcMethod } from '../../method.ts'
import { sessionOf } from '../server/session-of.ts'

/** com.atproto.identity.getRecommendedDidCredentials */
export function createGetRecommendedDidCredentials(deps: {
  readonly plcActs: Pick<PlcActs, 'recommended'>
}): XrpcMethod {
  return {
    nsid: 'com.atproto.identity.getRecommendedDidCredentials',
    type: 'query',
    auth: { need: 'session', also: ['deactivated'] },
    handle: async call => ({ json: await deps.plcActs.recommended(sessionOf(call).did) }),
  }
}
