import { decodeStreamCreate } from '@leaf/streams/wire'
import { Refusal } from '../../../kernel/errors.ts'
import type { Throttle } from '../../middleware/throttle.ts'
import type { Streams } from '../../stream/contract.ts'
import { answer, argumentBytes, type Method, signedIn } from '../method.ts'

/** `stream/create`. Every attempt is counted, before anything else. */
export function createStreamCreate(deps: {
  readonly streams: Pick<Streams, 'create'>
  readonly throttle: Throttle
}): Method {
  return async ({ caller, actor, argument }) => {
    const refused = deps.throttle.create(actor)
    if (refused !== undefined) throw new Refusal('limited', refused.text)
    signedIn(caller, 'Only authenticated users can create_streams')
    const { moduleCid, clientStamp } = decodeStreamCreate(argumentBytes(argument))
    const created = await deps.streams.create({ caller, moduleCid, clientStamp })
    return answer({ streamDid: created.streamDid, clientStamp: created.clientStamp })
  }
}
