import { parseCid } from '@leaf/codec/drisl'
import { decodeStreamOnly } from '@leaf/streams/wire'
import type { Streams } from '../../stream/contract.ts'
import { answer, argumentBytes, type Method } from '../method.ts'

/** `stream/info` */
export function createStreamInfo({ streams }: { readonly streams: Pick<Streams, 'info'> }): Method {
  return async ({ argument }) => {
    const { moduleCid, clientStamp } = await streams.info(decodeStreamOnly(argumentBytes(argument)).streamDid)
    return answer({ moduleCid: moduleCid === null ? null : parseCid(moduleCid), clientStamp })
  }
}
