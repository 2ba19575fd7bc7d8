import { decodeStreamOnly } from '@leaf/streams/wire'
import type { Streams } from '../../stream/contract.ts'
import { answer, argumentBytes, type Method, signedIn } from '../method.ts'

/** `stream/clear_state` */
export function createStreamClearState(deps: { readonly streams: Pick<Streams, 'clearState'> }): Method {
  return async ({ caller, argument }) => {
    signedIn(caller, 'Only authenticated users can clear state')
    await deps.streams.clearState(caller, decodeStreamOnly(argumentBytes(argument)).streamDid)
    return answer(null)
  }
}
