/** What entities are handed. */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../kernel/clock.ts'
import type { Sealer } from '../kernel/keys.ts'
import type { Limiter } from '../kernel/limit.ts'
import type { Logger } from '../kernel/log.ts'
import type { Metrics } from '../kernel/metrics.ts'
import type { Random } from '../kernel/random.ts'
import type { BlobStore } from '../kernel/storage/blobs.ts'
import type { Database } from '../kernel/storage/database.ts'
import type { EntitiesSettings } from './config.ts'

/** What entities ask of the house's accounts; absent when there are none. */
export interface Accounts {
  /** Whether there is an account with this DID, in use or at rest. */
  exists(did: string): Promise<boolean>
  /** Who asks, by a cookie or a token of the PDS; undefined: nobody whom it knows. */
  didOf(request: IncomingMessage): Promise<string | undefined>
  /** Calls `listener` after an account was deleted here. Returns the end of it. */
  onRemoved(listener: (did: string) => void): () => void
}

export interface EntitiesDependencies {
  readonly settings: EntitiesSettings
  /** Without a trailing slash; its host is the name by which clients know the server they sync with. */
  readonly publicUrl: string
  readonly database: Database
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
  readonly limiter: Limiter
  readonly sealer: Sealer
  readonly accounts?: Accounts
}
