/** Numbers of entities. */
import type { IngestOutcome } from '@leaf/entities/store/contract'
import type { Metrics } from '../kernel/metrics.ts'

export interface SyncMetrics {
  taken(outcomes: readonly IngestOutcome[]): void
  ended(why: string): void
}

export function createSyncMetrics(metrics: Metrics, connections: () => number): SyncMetrics {
  metrics.gauge('leaf_entities_connections', 'Devices that are connected for syncing.', connections)
  const entries = metrics.counter(
    'leaf_entities_entries_total',
    'Entries that came, by what became of them.',
    ['outcome'],
  )
  const ends = metrics.counter('leaf_entities_syncs_ended_total', 'Syncs that ended, by why.', ['why'])
  return {
    taken: outcomes => {
      for (const outcome of outcomes)
        entries.add({ outcome: outcome.kind === 'refused' ? `refused: ${outcome.fault}` : outcome.kind })
    },
    ended: why => ends.add({ why }),
  }
}
