import { decodeStreamQuery } from '@leaf/streams/wire'
import type { Streams } from '../../stream/contract.ts'
import { answerDrisl, argumentBytes, type Method } from '../method.ts'

/** `stream/query`. The rows are sent as the host encoded them. */
export function createStreamQuery({ streams }: { readonly streams: Pick<Streams, 'query'> }): Method {
  return async ({ caller, argument }) => {
    const { streamDid, query } = decodeStreamQuery(argumentBytes(argument))
    return answerDrisl((await streams.query(caller, streamDid, query)).drisl)
  }
}
