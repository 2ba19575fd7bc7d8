/** A whole Leaf for the benchmark, and the published client on it. */
import { LeafClient } from '@muni-town/leaf-client'
import { type Leaf, startLeaf } from '../../server/test/support/leaf.ts'

const token = 'a token of the benchmark, of more than 32 characters'

export interface House {
  readonly leaf: Leaf
  /** A client that is connected and authenticated as the server. */
  connect(): Promise<LeafClient>
  stop(): Promise<void>
}

/** Limits that are raised for the benchmark; `main.ts` says so in its report. */
const raised = {
  STREAM_CREATE_LIMIT_PER_WINDOW: '1000000',
  STREAM_SUBSCRIBE_LIMIT_PER_WINDOW: '1000000',
  MAX_ACTIVE_SUBSCRIPTIONS_PER_ACTOR: '1000000',
  STREAMS_PER_OWNER_MAX: '1000000',
  STREAMS_BYTES_PER_OWNER_MAX: '1000000000000',
}

export async function startHouse(): Promise<House> {
  const leaf = await startLeaf({ env: { LEAF_SYSTEMS: 'pds,streams', UNSAFE_AUTH_TOKEN: token, ...raised } })
  const clients: LeafClient[] = []
  return {
    leaf,
    connect: async () => {
      const client = new LeafClient(leaf.url, async () => token)
      clients.push(client)
      await new Promise<void>((resolve, reject) => {
        client.on('authenticated', () => resolve())
        client.on('error', text => reject(new Error(text)))
      })
      return client
    },
    stop: async () => {
      for (const client of clients) client.disconnect()
      await leaf.dispose()
    },
  }
}
