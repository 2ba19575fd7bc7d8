import { decodeUpdateModule } from '@leaf/streams/wire'
import type { Streams } from '../../stream/contract.ts'
import { answer, argumentBytes, type Method, signedIn } from '../method.ts'

/** `stream/update_module` */
export function createStreamUpdateModule(deps: { readonly streams: Pick<Streams, 'updateModule'> }): Method {
  return async ({ caller, argument }) => {
    signedIn(caller, 'Only the stream creator can update its module')
    const { streamDid, moduleCid } = decodeUpdateModule(argumentBytes(argument))
    await deps.streams.updateModule(caller, streamDid, moduleCid)
    return answer(null)
  }
}
