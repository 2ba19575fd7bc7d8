import { decodeUnsubscribe } from '@leaf/streams/wire'
import { answer, argumentBytes, type Method } from '../method.ts'

/** `stream/unsubscribe`: of this connection only. */
export const streamUnsubscribe: Method = async ({ argument, subscriptions }) => {
  const { subscriptionId } = decodeUnsubscribe(argumentBytes(argument))
  return answer({ wasSubscribed: subscriptions.close(subscriptionId) })
}
