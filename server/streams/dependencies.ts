/** What streams are handed. */
import type { Clock } from '../kernel/clock.ts'
import type { Did, IdentityResolver, PlcClient } from '../kernel/identity/types.ts'
import type { Sealer } from '../kernel/keys.ts'
import type { Limiter } from '../kernel/limit.ts'
import type { Logger } from '../kernel/log.ts'
import type { Metrics } from '../kernel/metrics.ts'
import type { Random } from '../kernel/random.ts'
import type { Spans } from '../kernel/spans.ts'
import type { Database } from '../kernel/storage/database.ts'
import type { StreamsSettings } from './config.ts'

export interface StreamsDependencies {
  readonly settings: StreamsSettings
  readonly production: boolean
  /** Without a trailing slash: where streams' DID documents say that they are served. */
  readonly publicUrl: string
  /** The house's. */
  readonly name: { readonly did: Did }
  /** The house's data folder; streams keep what they can rebuild in a folder of their own in it. */
  readonly dataDir: string
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
  /** Absent: nobody traces. */
  readonly spans?: Spans
  readonly limiter: Limiter
  readonly resolver: IdentityResolver
  readonly plc: PlcClient
  readonly sealer: Sealer
  /** Whether a DID has an account on this house's PDS. */
  readonly isMember: (did: string) => Promise<boolean>
  /** This process among those that share a PostgreSQL. */
  readonly node?: { readonly id: string; readonly address: string }
}

/** What the door needs of it: sockets and routes. */
export type DoorDependencies = Pick<
  StreamsDependencies,
  | 'settings'
  | 'publicUrl'
  | 'name'
  | 'clock'
  | 'random'
  | 'log'
  | 'metrics'
  | 'spans'
  | 'limiter'
  | 'resolver'
>
