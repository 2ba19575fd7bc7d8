/** `POST /federation/gossip`: what a peer says of who is online there. */
import type { Clock } from '../../kernel/clock.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import type { KeyHex, Mailboxes, PresenceProof, ServerName } from '../contract.ts'
import type { MeshSettings } from './config.ts'
import { dropPending } from './forward-store.ts'
import type { HoldOff } from './hold-off.ts'
import { locksOf } from './locks.ts'
import type { Peers } from './peers.ts'
import { countAt, dropPresence, presenceAt, putPresence } from './presence-store.ts'
import { proofAgeMsMax, verifyProof } from './proof.ts'
import type { Staging } from './staging.ts'
import type { Gossip } from './wire.ts'

export interface GossipOutcome {
  /** Whether mail was planned for the peer. */
  readonly planned: boolean
  /** Whether a proof of this batch held. */
  readonly proven: boolean
  /** Whether the peer was not known before. */
  readonly isNew: boolean
  readonly refusedProofs: number
}

export interface GossipInOptions {
  readonly settings: MeshSettings
  readonly clock: Clock
  readonly database: Database
  readonly mailboxes: Pick<Mailboxes, 'boxOf'>
  readonly peers: Peers
  readonly staging: Staging
  readonly holdOff: HoldOff
  /** Room for keys at peers, of all of them together. */
  readonly room: PresenceRoom
}

/** How many more keys at peers may be remembered; about right, counted anew by the sweeper. */
export interface PresenceRoom {
  left(proven: boolean): number
  took(proven: boolean): void
}

/** What one batch says of one key, after the batch's events are laid over one another. */
interface Claim {
  readonly key: KeyHex
  readonly online: boolean
  readonly proof: PresenceProof | undefined
  readonly proofAt: number | undefined
}

/**
 * Takes in one batch of events in one transaction. The peer's name has been checked; `isItself`: and it showed that the
 * name is its own.
 */
export function createGossipIn(
  options: GossipInOptions,
): (gossip: Gossip, isItself: boolean) => Promise<GossipOutcome> {
  const { settings, clock, database, mailboxes, peers, staging, holdOff, room } = options
  const { federationPolicy: policy, onlineGossipTtl, maxPresencePerPeer } = settings

  const claimsOf = (gossip: Gossip): { readonly claims: readonly Claim[]; readonly refused: number } => {
    const claims = new Map<KeyHex, Claim>()
    let refused = 0
    for (const { kind, key, proof } of gossip.events) {
      const before = claims.get(key)
      if (kind === 'unknown' || (kind === 'offline' && before !== undefined)) continue
      if (kind === 'offline') {
        claims.set(key, { key, online: false, proof: undefined, proofAt: undefined })
        continue
      }
      // A second online of a key with a proof already would only cost a verification.
      if (before?.proofAt !== undefined) continue
      const verdict =
        proof === undefined
          ? undefined
          : verifyProof({ proof, key, server: gossip.fromServer, nowMs: clock.now() })
      const proofAt = verdict?.kind === 'valid' ? verdict.atMs : undefined
      if (verdict !== undefined && proofAt === undefined) refused += 1
      // A clock may be wrong, and then the proof counts for nothing; but whoever shows one of others lies.
      const isLie = verdict?.kind === 'foreign' || verdict?.kind === 'forged' || verdict?.kind === 'malformed'
      if (isLie && policy !== 'open') continue
      claims.set(key, { key, online: true, proof: proofAt === undefined ? undefined : proof, proofAt })
    }
    return { claims: [...claims.values()], refused }
  }

  const remove = async (tx: Tx, server: ServerName, key: KeyHex): Promise<void> => {
    if (!(await dropPresence(tx, server, key))) return
    const box = await mailboxes.boxOf(tx, key)
    if (box !== undefined) await dropPending(tx, server, box)
  }

  /** Gives whether mail was planned. `slots`: how many more keys may be known at this peer. */
  const takeOnline = async (tx: Tx, server: ServerName, claim: Claim, slots: { left: number }) => {
    const { key, proof } = claim
    const nowMs = clock.now()
    const before = await presenceAt(tx, server, key)
    const standing = before !== undefined && before.expiresAt > nowMs ? before : undefined
    const isProven = claim.proofAt !== undefined
    // Whoever cannot prove it cannot lengthen what was proven either.
    if (!isProven && (policy === 'require' || standing?.proofAt !== undefined)) return false
    if (holdOff.holds(server, key, claim.proofAt)) return false
    if (before === undefined) {
      if (slots.left <= 0 || room.left(isProven) <= 0) return false
      slots.left -= 1
      room.took(isProven)
    }
    // An older proof than the one on file is still true, and takes nothing back.
    const older = isProven && standing?.proofAt !== undefined && standing.proofAt > (claim.proofAt ?? 0)
    const proofAt = older ? standing?.proofAt : claim.proofAt
    const endMs = nowMs + onlineGossipTtl
    const expiresAt = proofAt === undefined ? endMs : Math.min(endMs, proofAt + proofAgeMsMax)
    await putPresence(tx, { server, key, expiresAt, proofAt, proof: older ? standing?.proof : proof })
    return await staging.announced(tx, { server, key, staged: before?.staged ?? 0 })
  }

  return async (gossip, isItself) => {
    const server = gossip.fromServer
    const { claims, refused } = claimsOf(gossip)
    const proven = claims.some(claim => claim.proofAt !== undefined)
    const isNew = !peers.has(server)
    const planned = await database.write(
      async tx => {
        const counts = proven || (policy !== 'require' && claims.some(claim => claim.online))
        const known = counts ? await peers.hear(tx, server, proven) : peers.has(server)
        if (!known) return false
        const slots = { left: maxPresencePerPeer - (await countAt(tx, server, maxPresencePerPeer)) }
        let some = false
        for (const claim of claims) {
          if (claim.online) some = (await takeOnline(tx, server, claim, slots)) || some
          else {
            // Anybody can say offline. Where a proof stands only the peer itself is believed; else it will answer 404.
            const before = await presenceAt(tx, server, claim.key)
            if (before !== undefined && (isItself || before.proofAt === undefined))
              await remove(tx, server, claim.key)
          }
        }
        return some
        // With its mailbox to itself, no mail slips in between what is looked at and what is announced.
      },
      locksOf(claims.filter(claim => claim.online).map(claim => claim.key)),
    )
    return { planned, proven, isNew, refusedProofs: refused }
  }
}
