/** The mesh's numbers. */
import type { Metrics } from '../../kernel/metrics.ts'
import type { Breakers } from './breaker.ts'
import type { Budget } from './limits.ts'
import type { Peers } from './peers.ts'
import type { SweepCounts } from './sweep.ts'

export interface MeshMetrics {
  readonly gossipIn: (outcome: 'taken' | 'refused' | 'limited', refusedProofs: number) => void
  readonly gossipOut: (outcome: 'told' | 'failed', events: number) => void
  readonly forwardIn: (status: string, messages: number) => void
  readonly forwardOut: (fate: string, messages: number, bytes: number) => void
}

export function createMeshMetrics(
  metrics: Metrics,
  of: {
    readonly peers: Peers
    readonly breakers: { readonly gossip: Breakers; readonly mail: Breakers }
    readonly budget: Budget
    readonly counts: () => SweepCounts
  },
): MeshMetrics {
  const { peers, breakers, budget, counts } = of
  metrics.gauge('leaf_skrepka_peers', 'Relays that are known', () => peers.size())
  metrics.gauge('leaf_skrepka_peers_without_gossip', 'Peers that are not told of presence for now', () =>
    breakers.gossip.open(),
  )
  metrics.gauge('leaf_skrepka_peers_without_mail', 'Peers that are not brought mail for now', () =>
    breakers.mail.open(),
  )
  metrics.gauge('leaf_skrepka_presence_elsewhere', 'Keys that are online at peers', () => counts().presence)
  metrics.gauge('leaf_skrepka_forwards', 'Messages that wait to be forwarded', () => counts().forwards)
  metrics.gauge(
    'leaf_skrepka_unproven_bytes',
    'Bytes of the budget for presence without proof that are used',
    () => budget.spent(),
  )
  const gossipIn = metrics.counter('leaf_skrepka_gossip_in_total', 'Batches of presence from peers', [
    'outcome',
  ])
  const proofs = metrics.counter('leaf_skrepka_proofs_refused_total', 'Proofs of presence that did not hold')
  const gossipOut = metrics.counter('leaf_skrepka_gossip_out_total', 'Batches of presence to peers', [
    'outcome',
  ])
  const forwardIn = metrics.counter('leaf_skrepka_forward_in_total', 'Messages from peers', ['outcome'])
  const forwardOut = metrics.counter('leaf_skrepka_forward_out_total', 'Messages to peers', ['outcome'])
  const bytesOut = metrics.counter('leaf_skrepka_forward_out_bytes', 'Bytes of messages to peers', [
    'outcome',
  ])
  return {
    gossipIn: (outcome, refusedProofs) => {
      gossipIn.add({ outcome })
      if (refusedProofs > 0) proofs.add({}, refusedProofs)
    },
    gossipOut: outcome => gossipOut.add({ outcome }),
    forwardIn: (outcome, messages) => forwardIn.add({ outcome }, messages),
    forwardOut: (outcome, messages, bytes) => {
      forwardOut.add({ outcome }, messages)
      bytesOut.add({ outcome }, bytes)
    },
  }
}
