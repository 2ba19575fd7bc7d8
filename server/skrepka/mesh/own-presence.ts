/** Who is online here: what logins, polls and logouts say of it. */
import type { Clock } from '../../kernel/clock.ts'
import type { Mesh } from '../contract.ts'
import type { MeshSettings } from './config.ts'
import type { GossipOut } from './gossip-out.ts'
import { dropPresence, ownServer, presenceAt, putPresence } from './presence-store.ts'
import { challengeTime } from './proof.ts'

/** An end that is later by less is not worth a word to peers. */
const laterMsMin = 60_000

/** The part of `Mesh` that speaks of this relay's own keys. */
export function ownPresence(options: {
  readonly settings: MeshSettings
  readonly clock: Clock
  readonly gossip: Pick<GossipOut, 'changed'>
}): Pick<Mesh, 'present' | 'announce' | 'absent'> {
  const { settings, clock, gossip } = options
  return {
    present: async (tx, { key, expiresAt, proof }) => {
      const nowMs = clock.now()
      const before = await presenceAt(tx, ownServer, key)
      const proofAt = proof === undefined ? undefined : challengeTime(proof.challenge)
      // A proof from ahead of our own clock: the clock was set back since. Peers would not take it.
      const isFromAhead = before?.proofAt !== undefined && before.proofAt > nowMs
      const isNewer = proofAt !== undefined && (isFromAhead || proofAt > (before?.proofAt ?? 0))
      const isStale =
        before === undefined ||
        before.expiresAt <= nowMs ||
        (before.expiresAt - nowMs < settings.sessionExpiry / 2 && expiresAt > before.expiresAt + laterMsMin)
      if (!isStale && !isNewer) return false
      await putPresence(tx, {
        server: ownServer,
        key,
        // Another session may last longer than the one that speaks.
        expiresAt: isFromAhead ? expiresAt : Math.max(expiresAt, before?.expiresAt ?? 0),
        proofAt: isNewer ? proofAt : before?.proofAt,
        proof: isNewer ? proof : before?.proof,
      })
      return settings.federationEnabled
    },
    announce: key => {
      if (settings.federationEnabled) gossip.changed([key])
    },
    absent: async (tx, key) => {
      const was = await dropPresence(tx, ownServer, key)
      // It is told a moment later, from what is committed then.
      if (was && settings.federationEnabled) gossip.changed([key])
    },
  }
}
