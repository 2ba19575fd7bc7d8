import { decodeSetHandle } from '@leaf/streams/wire'
import type { Streams } from '../../stream/contract.ts'
import { answer, argumentBytes, type Method, signedIn } from '../method.ts'

/** `stream/set_handle` */
export function createStreamSetHandle({ streams }: { readonly streams: Pick<Streams, 'setHandle'> }): Method {
  return async ({ caller, argument }) => {
    signedIn(caller, 'Only the stream creator can update its handle')
    const { streamDid, handle } = decodeSetHandle(argumentBytes(argument))
    await streams.setHandle(caller, streamDid, handle)
    return answer(null)
  }
}
