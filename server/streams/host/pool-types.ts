/** The pool of host processes, as others see it. */
import type { SpawnChild } from '../../kernel/child.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Job } from './job.ts'
import type { HostLimits } from './limits.ts'
import type { PoolMetrics } from './pool-metrics.ts'
import type { HostReply } from './protocol.ts'

export interface Pool {
  /** Rejects with Overdue, Crashed, or Refusal `unavailable`. */
  run(job: Job): Promise<HostReply>
  /** Ends the transaction that a job left open. Never rejects: when its host is gone, so is the transaction. */
  settle(key: string, op: 'commit' | 'abort'): Promise<void>
  /** Resolves when transactions of this target that were settled are over. */
  drain(key: string): Promise<void>
  /** Whatever has this target open must open it again. */
  forget(key: string): Promise<void>
  counts(): PoolCounts
  close(): void
}

export interface PoolCounts {
  readonly hosts: number
  readonly openStreams: number
  readonly stuck: number
  readonly kills: number
}

export interface PoolOptions {
  readonly spawn: SpawnChild
  readonly folder: string
  readonly clock: Clock
  readonly log: Logger
  readonly limits: HostLimits
  readonly metrics: PoolMetrics
}
