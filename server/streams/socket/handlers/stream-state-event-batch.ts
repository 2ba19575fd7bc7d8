import type { Streams } from '../../stream/contract.ts'
import { answer, type Method, signedIn } from '../method.ts'
import { readBatch } from './stream-event-batch.ts'

/** `stream/state_event_batch` */
export function createStreamStateEventBatch(deps: {
  readonly streams: Pick<Streams, 'appendState'>
  readonly batchBytesMax: number
}): Method {
  return async ({ caller, argument }) => {
    signedIn(caller, 'Only authenticated users can send state events')
    await deps.streams.appendState(readBatch(caller, argument, deps.batchBytesMax))
    return answer(null)
  }
}
