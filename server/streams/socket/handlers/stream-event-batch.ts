import { decodeEventBatch } from '@leaf/streams/wire'
import type { AppendRequest, Caller, Streams } from '../../stream/contract.ts'
import { answer, argumentBytes, type Method, signedIn } from '../method.ts'
import type { PacketValue } from '../msgpack.ts'

/** Bytes of an argument beside its events: their heads, the DID, the id. */
const overheadBytesMax = 64 * 1024

/** `stream/event_batch`. The additive `batchId` and `expectedIdx` make an append happen once. */
export function createStreamEventBatch(deps: {
  readonly streams: Pick<Streams, 'append'>
  readonly batchBytesMax: number
}): Method {
  return async ({ caller, argument }) => {
    signedIn(caller, 'Only authenticated users can send events')
    await deps.streams.append(readBatch(caller, argument, deps.batchBytesMax))
    return answer(null)
  }
}

/** A batch for the log or the state, checked for its size before it is read. */
export function readBatch(caller: Caller, argument: PacketValue, batchBytesMax: number): AppendRequest {
  const bytes = argumentBytes(argument, { bytesMax: batchBytesMax + overheadBytesMax })
  const { streamDid, ...batch } = decodeEventBatch(bytes)
  return { stream: streamDid, caller, ...batch }
}
