import type { XrpcMethod } from '../../method.ts'

/** com.atproto.temp.checkSignupQueue: nobody waits here, and the official app asks. */
export function createCheckSignupQueue(): XrpcMethod {
  return {
    nsid: 'com.atproto.temp.checkSignupQueue',
    type: 'query',
    auth: { need: 'session', also: ['deactivated'] },
    handle: async () => ({ json: { activated: true } }),
  }
}
