/** The client in Node. */
import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { createClient, type LeafClient } from '../client.ts'
import type { Authenticator, ClientOptions, ClientPlatform } from '../client-types.ts'
import { sha256, verifyDidKey } from './crypto.ts'

export const nodePlatform: ClientPlatform = {
  setTimer: (run, ms) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
  randomBytes: length => new Uint8Array(randomBytes(length)),
  fetch: (input, init) => fetch(input, init),
  sha256,
  toBinary: bytes => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  verify: verifyDidKey,
}

/**
 * Connects at once. Without an authenticator the client is anonymous.
 *
 * ```ts
 * const client = createLeafClient('https://leaf.example', async () => {
 *   const { data } = await agent.com.atproto.server.getServiceAuth({
 *     aud: 'did:web:leaf.example',
 *     lxm: 'town.muni.leaf.authenticate',
 *   })
 *   return data.token
 * })
 * ```
 */
export function createLeafClient(
  url: string,
  authenticator?: Authenticator,
  options: ClientOptions = {},
): LeafClient {
  return createClient({
    url,
    options,
    platform: nodePlatform,
    ...(authenticator === undefined ? {} : { authenticator }),
  })
}
