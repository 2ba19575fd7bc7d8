/** What the mesh is handed. */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Metrics } from '../../kernel/metrics.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database } from '../../kernel/storage/database.ts'
import type { CallPeer, Mailboxes, ServerName } from '../contract.ts'
import type { MeshSettings } from './config.ts'

export interface MeshDependencies {
  readonly settings: MeshSettings
  readonly serverHost: ServerName
  readonly houseKey: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly database: Database
  readonly log: Logger
  readonly metrics: Metrics
  readonly callPeer: CallPeer
  readonly mailboxes: Mailboxes
}
