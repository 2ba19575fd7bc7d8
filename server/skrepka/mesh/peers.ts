/** The relays that this one knows: who is told of presence, who may get mail without a proof, and what each can do. */
import type { Clock } from '../../kernel/clock.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import type { ServerName } from '../contract.ts'
import type { MeshSettings } from './config.ts'
import type { NameRule } from './names.ts'
import { dropPeer, putPeer, readPeers, type StoredPeer } from './peer-store.ts'

export interface Peers {
  /** Reads what other nodes or an earlier run know. */
  load(): Promise<void>
  /** A peer spoke to us, with or without a valid proof. Gives false when there is no room for one more. */
  hear(tx: Tx, server: ServerName, proven: boolean): Promise<boolean>
  /** A call found a relay there. */
  reached(server: ServerName, features: readonly string[]): Promise<void>
  /** A peer does not do what it said it can, or does not know us: it is looked at again soon. */
  doubt(server: ServerName): Promise<void>
  /** The name leads to ourselves, or to nobody we want: it is not a peer until the next start. */
  ban(server: ServerName): Promise<void>
  isBanned(server: ServerName): boolean
  has(server: ServerName): boolean
  can(server: ServerName, feature: string): boolean
  /** Whether mail may go there for presence without a proof, as far as the budget reaches. */
  mayGetUnproven(server: ServerName): boolean
  /** Whether the operator named this peer. */
  isSeed(server: ServerName): boolean
  /** Who is told of presence here, in the order of names. */
  told(): readonly ServerName[]
  /** Whether a proof once showed that somebody logged in there. */
  isProven(server: ServerName): boolean
  /** Those that showed a proof, in the order of names. */
  proven(): readonly ServerName[]
  /** Who should be looked at, in the order of names: it was never reached, or long ago. */
  toReach(): readonly ServerName[]
  /** Forgets who was not heard of for a long time. */
  forget(): Promise<void>
  size(): number
}

/** How long a peer is told of presence without a word from it. */
const forgetMs = 7 * 86_400_000
/** Times that are only this much newer are not written. */
const noteMs = 600_000
/** How long it holds that a relay was found behind a name; and of one that could nothing more, which may be an accident. */
const reachedMsMax = 6 * 3_600_000
const plainMsMax = 900_000
const banNamesMax = 1000

export interface PeersOptions {
  readonly settings: MeshSettings
  readonly nameRule: NameRule
  readonly clock: Clock
  readonly database: Database
}

/** The peers, in memory as in the table. */
export function createPeers({ settings, nameRule, clock, database }: PeersOptions): Peers {
  const peers = new Map<ServerName, StoredPeer>()
  const banned = new Set<ServerName>()
  const named = [...new Set([...settings.seedPeers, ...settings.peersAllow])].filter(nameRule)
  const seeds = new Set(named)

  const sorted = (names: Iterable<ServerName>) =>
    [...new Set(names)].filter(name => !banned.has(name)).toSorted()
  const isReached = (peer: StoredPeer | undefined, msMax = reachedMsMax) =>
    peer?.reachedAt !== undefined && clock.now() - peer.reachedAt < msMax
  const isFresh = (peer: StoredPeer | undefined) =>
    isReached(peer, peer?.features.length === 0 ? plainMsMax : reachedMsMax)
  const isTold = (peer: StoredPeer) => {
    if (settings.federationPolicy === 'open' || peer.provenAt !== undefined) return true
    return settings.federationPolicy === 'prefer' && isReached(peer)
  }

  const hasRoom = async (tx: Tx, proven: boolean): Promise<boolean> => {
    const strangers = [...peers.values()].filter(
      peer => peer.provenAt === undefined && !seeds.has(peer.server),
    )
    if (!proven) return peers.size < settings.maxPeers && strangers.length < settings.maxPeers / 2
    if (peers.size < settings.maxPeers) return true
    const oldest = strangers.toSorted((a, b) => a.heardAt - b.heardAt)[0]
    if (oldest === undefined) return false
    peers.delete(oldest.server)
    await dropPeer(tx, oldest.server)
    return true
  }

  return {
    load: async () => {
      for (const peer of await readPeers(database.direct, settings.maxPeers)) {
        if (nameRule(peer.server)) peers.set(peer.server, peer)
      }
    },
    hear: async (tx, server, proven) => {
      const nowMs = clock.now()
      const before = peers.get(server)
      if (before === undefined && !(await hasRoom(tx, proven))) return false
      const fresh = (atMs: number | undefined) => atMs !== undefined && Math.abs(nowMs - atMs) < noteMs
      if (before !== undefined && fresh(before.heardAt) && (!proven || fresh(before.provenAt))) return true
      const peer: StoredPeer = {
        server,
        heardAt: nowMs,
        provenAt: proven ? nowMs : before?.provenAt,
        reachedAt: before?.reachedAt,
        features: before?.features ?? [],
      }
      await putPeer(tx, peer)
      peers.set(server, peer)
      return true
    },
    reached: async (server, features) => {
      const before = peers.get(server)
      if (before === undefined && peers.size >= settings.maxPeers) return
      const nowMs = clock.now()
      const peer: StoredPeer = {
        server,
        heardAt: before?.heardAt ?? nowMs,
        provenAt: before?.provenAt,
        reachedAt: nowMs,
        features,
      }
      peers.set(server, peer)
      await database.write(tx => putPeer(tx, peer))
    },
    doubt: async server => {
      const before = peers.get(server)
      if (before === undefined) return
      const peer: StoredPeer = { ...before, features: [], reachedAt: undefined }
      peers.set(server, peer)
      await database.write(tx => putPeer(tx, peer))
    },
    ban: async server => {
      if (banned.size < banNamesMax) banned.add(server)
      peers.delete(server)
      await database.write(tx => dropPeer(tx, server))
    },
    isBanned: server => banned.has(server),
    has: server => peers.has(server) || seeds.has(server),
    can: (server, feature) => peers.get(server)?.features.includes(feature) === true,
    mayGetUnproven: server => {
      if (settings.federationPolicy === 'open' || seeds.has(server))
        return settings.federationPolicy !== 'require'
      return settings.federationPolicy === 'prefer' && isReached(peers.get(server))
    },
    isSeed: server => seeds.has(server),
    told: () => sorted([...named, ...[...peers.values()].filter(isTold).map(peer => peer.server)]),
    isProven: server => peers.get(server)?.provenAt !== undefined,
    proven: () =>
      sorted([...peers.values()].filter(peer => peer.provenAt !== undefined).map(peer => peer.server)),
    toReach: () => sorted([...named, ...peers.keys()]).filter(server => !isFresh(peers.get(server))),
    forget: async () => {
      const before = clock.now() - forgetMs
      const old = [...peers.values()].filter(peer => Math.max(peer.heardAt, peer.reachedAt ?? 0) < before)
      for (const peer of old) peers.delete(peer.server)
      if (old.length === 0) return
      await database.write(async tx => {
        for (const peer of old) await dropPeer(tx, peer.server)
      })
    },
    size: () => peers.size,
  }
}
