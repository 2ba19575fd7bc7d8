/** Numbers of the streams, seen from outside: in aggregate only, as streams come and go without bound. */
import type { Metrics } from '../../kernel/metrics.ts'
import type { Waiting } from './append-queue.ts'

export interface StreamMetrics {
  /** A group of batches was answered. */
  group(kind: Waiting['kind'], batches: number, tookMs: number): void
  events(count: number): void
  query(result: 'ok' | 'error', tookMs: number): void
  page(result: 'ok' | 'error'): void
  build(result: 'done' | 'failed', tookMs: number): void
  created(): void
}

/** What can be asked for at any time. */
export interface StreamGauges {
  readonly subscriptions: () => number
  readonly entries: () => number
  readonly waitingBatches: () => number
  readonly builds: () => number
}

const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const
const buildSeconds = [0.01, 0.1, 1, 5, 15, 60, 300, 1800] as const

export function createStreamMetrics(metrics: Metrics, gauges: StreamGauges): StreamMetrics {
  const groups = metrics.histogram(
    'leaf_streams_append_seconds',
    'Time from taking a group of batches to its answer',
    {
      labels: ['kind'],
      buckets: seconds,
    },
  )
  const batches = metrics.counter('leaf_streams_batches_total', 'Batches that were answered', ['kind'])
  const events = metrics.counter('leaf_streams_events_total', 'Events that were stored')
  const queries = metrics.histogram('leaf_streams_query_seconds', 'Time of queries', {
    labels: ['result'],
    buckets: seconds,
  })
  const pages = metrics.counter('leaf_streams_pages_total', 'Notifications of subscriptions', ['result'])
  const builds = metrics.histogram('leaf_streams_build_seconds', 'Time of building a module anew', {
    labels: ['result'],
    buckets: buildSeconds,
  })
  const created = metrics.counter('leaf_streams_created_total', 'Streams that were created')
  metrics.gauge('leaf_streams_subscriptions', 'Subscriptions that are open', gauges.subscriptions)
  metrics.gauge('leaf_streams_open', 'Streams that are kept in memory', gauges.entries)
  metrics.gauge('leaf_streams_waiting_batches', 'Batches that wait to be stored', gauges.waitingBatches)
  metrics.gauge('leaf_streams_builds', 'Modules that are being built', gauges.builds)
  return {
    group: (kind, count, tookMs) => {
      groups.observe(tookMs / 1000, { kind })
      batches.add({ kind }, count)
    },
    events: count => events.add({}, count),
    query: (result, tookMs) => queries.observe(tookMs / 1000, { result }),
    page: result => pages.add({ result }),
    build: (result, tookMs) => builds.observe(tookMs / 1000, { result }),
    created: () => created.add(),
  }
}
