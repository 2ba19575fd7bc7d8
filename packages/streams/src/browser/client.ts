/** The client in browsers. */
import { createClient, type LeafClient } from '../client.ts'
import type { Authenticator, ClientOptions, ClientPlatform } from '../client-types.ts'

/** WebCrypto has no secp256k1: `verifyChain` needs `verify` handed in. */
export const browserPlatform: ClientPlatform = {
  setTimer: (run, ms) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
  randomBytes: length => crypto.getRandomValues(new Uint8Array(length)),
  fetch: (input, init) => fetch(input, init),
  sha256: async bytes => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.slice())),
  // The msgpack encoder of browsers takes buffers, not views.
  toBinary: bytes => bytes.slice().buffer,
}

/** Connects at once. Without an authenticator the client is anonymous. */
export function createLeafClient(
  url: string,
  authenticator?: Authenticator,
  options: ClientOptions = {},
): LeafClient {
  return createClient({
    url,
    options,
    platform: browserPlatform,
    ...(authenticator === undefined ? {} : { authenticator }),
  })
}
