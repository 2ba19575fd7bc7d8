import type { Origin } from '../../../auth/session.ts'
import type { XrpcCall } from '../../method.ts'

/** Where a session is opened, for the list of devices. */
export function originOf(call: Pick<XrpcCall<unknown, unknown>, 'headers' | 'context'>): Origin {
  const agent = call.headers['user-agent']
  return { device: typeof agent === 'string' ? agent : '', address: call.context.address }
}
