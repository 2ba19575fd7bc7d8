/** What the PDS is handed, and its place in the world. */
import type { Clock } from '../kernel/clock.ts'
import type { SafeFetch } from '../kernel/fetch.ts'
import type { OwnName } from '../kernel/identity/own-did.ts'
import type { Did, IdentityResolver, PlcClient } from '../kernel/identity/types.ts'
import type { Sealer } from '../kernel/keys.ts'
import type { Limiter } from '../kernel/limit.ts'
import type { Logger } from '../kernel/log.ts'
import type { Metrics } from '../kernel/metrics.ts'
import type { Random } from '../kernel/random.ts'
import type { BlobStore } from '../kernel/storage/blobs.ts'
import type { Database } from '../kernel/storage/database.ts'
import type { Sequence } from '../kernel/storage/sequence.ts'
import type { AuthPages } from './auth/pages.ts'
import type { PdsSettings } from './config.ts'

export interface PdsDependencies {
  readonly settings: PdsSettings
  readonly production: boolean
  /** The house's own identity. */
  readonly name: OwnName
  /** Without a trailing slash. */
  readonly publicUrl: string
  readonly port: number
  readonly version: string
  readonly database: Database
  readonly blobs: BlobStore
  /** Numbers of the firehose. */
  readonly sequence: Sequence
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
  readonly limiter: Limiter
  /** For addresses that others chose. */
  readonly fetch: SafeFetch
  /** For addresses that the operator chose. */
  readonly operatorFetch: SafeFetch
  readonly resolver: IdentityResolver
  readonly plc: PlcClient
  readonly sealer: Sealer
  readonly pages: AuthPages
}

/** What every room of the PDS needs of its place in the world. */
export interface Place {
  /** `did:web:<hostname>`. */
  readonly serviceDid: Did
  /** Without a port. */
  readonly hostname: string
  /** Where people get handles; the first is offered first. */
  readonly domains: readonly string[]
}
