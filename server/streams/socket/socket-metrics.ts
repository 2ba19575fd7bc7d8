/** What is counted about sockets. */
import type { Metrics } from '../../kernel/metrics.ts'
import type { CutReason } from './engine.ts'

export interface SocketMetrics {
  called(event: string, outcome: string, ms: number): void
  tokenRefused(): void
  cut(reason: CutReason): void
  /** A connection found no place. */
  turnedAway(): void
}

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** Labels are our own words only, never a stream or a person. */
export function createSocketMetrics(metrics: Metrics): SocketMetrics {
  const seconds = metrics.histogram(
    'leaf_streams_call_seconds',
    'Time from a call over a socket to its answer.',
    { labels: ['event', 'outcome'], buckets: secondsBuckets },
  )
  const tokens = metrics.counter('leaf_streams_tokens_refused_total', 'Connections whose token was refused.')
  const cuts = metrics.counter('leaf_streams_cut_total', 'Connections that were ended for what they held.', [
    'reason',
  ])
  const away = metrics.counter('leaf_streams_turned_away_total', 'Connections for which there was no place.')
  return {
    called: (event, outcome, ms) => seconds.observe(ms / 1000, { event, outcome }),
    tokenRefused: () => tokens.add(),
    cut: reason => cuts.add({ reason }),
    turnedAway: () => away.add(),
  }
}
