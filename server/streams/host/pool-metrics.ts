/** Numbers about hosts. Labels are operations and reasons, never streams. */
import type { Metrics } from '../../kernel/metrics.ts'

export interface PoolMetrics {
  started(): void
  ran(op: string, durationMs: number): void
  killed(reason: 'overdue' | 'crashed' | 'evicted'): void
}

/** Registers them. `read` gives gauges when somebody looks. */
export function createPoolMetrics(
  metrics: Metrics,
  read: () => {
    readonly hosts: number
    readonly openStreams: number
    readonly stuck: number
    readonly quarantined: number
  },
): PoolMetrics {
  const started = metrics.counter('leaf_streams_host_starts_total', 'Host processes started')
  const killed = metrics.counter('leaf_streams_host_kills_total', 'Host processes ended, by reason', [
    'reason',
  ])
  const seconds = metrics.histogram('leaf_streams_host_request_seconds', 'Time in a host, by operation', {
    labels: ['op'],
    buckets: [0.0002, 0.001, 0.005, 0.02, 0.1, 0.5, 1, 2],
  })
  metrics.gauge('leaf_streams_hosts', 'Host processes', () => read().hosts)
  metrics.gauge('leaf_streams_host_open_streams', 'Streams open in hosts', () => read().openStreams)
  metrics.gauge('leaf_streams_hosts_stuck', 'Hosts that run a slow request', () => read().stuck)
  metrics.gauge(
    'leaf_streams_quarantined',
    'Operations refused after they were killed',
    () => read().quarantined,
  )
  return {
    started: () => started.add(),
    ran: (op, durationMs) => seconds.observe(durationMs / 1000, { op }),
    killed: reason => killed.add({ reason }),
  }
}
