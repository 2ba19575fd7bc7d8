import { decodeStreamQuery } from '@leaf/streams/wire'
import { Refusal } from '../../../kernel/errors.ts'
import type { Permit, Throttle } from '../../middleware/throttle.ts'
import type { Streams } from '../../stream/contract.ts'
import { type Answer, answer, argumentBytes, type Method, type MethodCall } from '../method.ts'

interface SubscribeDependencies {
  readonly streams: Pick<Streams, 'subscribe'>
  readonly throttle: Throttle
}

/** `stream/subscribe_events`. Every attempt is counted, before anything else. */
export function createStreamSubscribeEvents(deps: SubscribeDependencies): Method {
  return async call => {
    const permit = deps.throttle.subscribe(call.actor)
    if ('text' in permit) throw new Refusal('limited', permit.text)
    try {
      return await subscribe(deps, call, permit)
    } catch (error) {
      permit.release()
      throw error
    }
  }
}

/** Notifications begin when the client has seen the answer: one that comes with it in one read is lost to the client. */
async function subscribe(deps: SubscribeDependencies, call: MethodCall, permit: Permit): Promise<Answer> {
  const { caller, subscriptions } = call
  const { streamDid, query } = decodeStreamQuery(argumentBytes(call.argument))
  const { id, gate, send, signal, announced } = subscriptions.open(permit)
  try {
    await deps.streams.subscribe({ stream: streamDid, caller, query, gate, send, signal })
  } catch (error) {
    subscriptions.close(id)
    throw error
  }
  return answer({ subscriptionId: id }, announced)
}
