import type { RandomBytes } from './blob.ts'
import type { ClientClock, Fetch, Lock } from './capabilities.ts'
import type { Identity } from './identity.ts'
import type { Store } from './store.ts'

/** What a client is made of. */
export interface ClientOptions {
  readonly identity: Identity
  readonly store: Store
  readonly fetch: Fetch
  readonly clock: ClientClock
  readonly random: RandomBytes
  /** Names of relays where our mailbox is, until `setRelays` says otherwise. */
  readonly relays: readonly string[]
  /** Where a relay of some name answers, when not at `relayUrl(name)`. */
  readonly urlOf?: (name: string) => string
  /** Hold by all who share the store; within this process by default. */
  readonly lock?: Lock
  /** Sends by throw-away keys, so that relays do not learn who writes; they still see the address. Default false. */
  readonly ephemeralSenders?: boolean
  /** The store failed, and the client has stopped. */
  readonly onFault?: (error: unknown) => void
}
