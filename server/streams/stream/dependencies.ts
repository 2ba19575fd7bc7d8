/** What the engine is handed. */
import type { Clock } from '../../kernel/clock.ts'
import type { PlcClient } from '../../kernel/identity/types.ts'
import type { Sealer } from '../../kernel/keys.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Metrics } from '../../kernel/metrics.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database } from '../../kernel/storage/database.ts'
import type { SqlHosts } from '../host/contract.ts'
import type { Quota } from './contract.ts'

export interface StreamsEngineSettings {
  /** Where streams are found from outside, without a trailing slash: stands in every stream's DID document. */
  readonly endpoint: string
  /** True: everybody who is signed in may create streams. False: members, and `allow`. */
  readonly openCreation: boolean
  /** DIDs that may create streams though they are no members. */
  readonly allow: readonly string[]
  /** DIDs that may neither create streams nor upload modules. */
  readonly block: readonly string[]
  /** DIDs that may update the module of every stream. */
  readonly moduleAdmins: readonly string[]
  readonly limits: StreamsLimits
}

export interface StreamsLimits {
  readonly moduleBytesMax: number
  readonly batchEventsMax: number
  /** Payloads of one batch together. */
  readonly batchBytesMax: number
  /** What an owner may have, unless an operator set another quota. */
  readonly quota: Quota
}

/** The decided defaults. */
export const streamsLimitsDefault: StreamsLimits = {
  moduleBytesMax: 10 * 1024 * 1024,
  batchEventsMax: 750,
  batchBytesMax: 2 * 1024 * 1024,
  quota: { streams: 100, bytes: 1024 * 1024 * 1024 },
}

export interface StreamsEngineDependencies {
  readonly settings: StreamsEngineSettings
  readonly database: Database
  readonly hosts: SqlHosts
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
  readonly plc: PlcClient
  readonly sealer: Sealer
  /** Whether a DID has an account on this house's PDS. */
  readonly isMember: (did: string) => Promise<boolean>
  /**
   * This process among those that share a PostgreSQL: `id` belongs to its data folder and stays, `address` is told to
   * clients. Absent: nobody else serves these streams.
   */
  readonly node?: { readonly id: string; readonly address: string }
}
