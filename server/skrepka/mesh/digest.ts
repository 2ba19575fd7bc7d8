/**
 * Whether a peer knows of everybody who is here, found out by comparing sums: now and then a relay tells how many keys
 * are online and the sum of their hashes; a peer that has others in mind asks for a full account.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { ReadTx } from '../../kernel/storage/database.ts'
import type { KeyHex, ServerName } from '../contract.ts'
import type { Breakers } from './breaker.ts'
import type { GossipOut } from './gossip-out.ts'
import type { Peers } from './peers.ts'
import { onlineKeys, ownServer } from './presence-store.ts'
import { answerFields } from './wire.ts'

/** The feature of a peer that compares. */
export const digestFeature = 'presence-digest'

/** How often peers are asked to compare. */
const compareEveryMs = 600_000

/** The sum over a set of keys: the same in any order. `digest` is 32 hex digits. */
export interface Digest {
  readonly count: number
  readonly digest: string
}

/** The count of keys, and the exclusive or of the first 16 bytes of their SHA-256. */
export function digestOf(keys: readonly KeyHex[]): Digest {
  const sum = Buffer.alloc(16)
  for (const key of keys) {
    const hash = createHash('sha256').update(key, 'hex').digest()
    for (let at = 0; at < 16; at += 1) sum[at] = (sum[at] ?? 0) ^ (hash[at] ?? 0)
  }
  return { count: keys.length, digest: sum.toString('hex') }
}

/** Whether what a peer tells of itself is what is known of it here; true when it has more keys than are remembered. */
export async function agrees(
  tx: Pick<ReadTx, 'all'>,
  of: {
    readonly server: ServerName
    readonly have: Digest
    readonly nowMs: number
    readonly keysMax: number
  },
): Promise<boolean> {
  const { server, have, nowMs, keysMax } = of
  if (have.count > keysMax) return true
  const known = digestOf(await onlineKeys(tx, server, nowMs, keysMax + 1))
  return known.count === have.count && known.digest === have.digest
}

/** Asks the peers that can to compare, not more often than in ten minutes. */
export function createComparison(options: {
  readonly clock: Clock
  readonly direct: Pick<ReadTx, 'all'>
  readonly peers: Peers
  readonly gossip: Pick<GossipOut, 'post' | 'introduce'>
  readonly breakers: Pick<Breakers, 'ask' | 'release'>
  readonly keysMax: number
  readonly log: Logger
}): () => Promise<void> {
  const { clock, direct, peers, gossip, breakers, keysMax, log } = options
  let dueMs = clock.monotonic() + compareEveryMs

  const ask = async (server: ServerName, have: Digest): Promise<void> => {
    const answer = await gossip.post(server, [], { have })
    if (answer !== undefined && answerFields(answer)['want'] === 'account') gossip.introduce(server)
  }

  return async () => {
    if (clock.monotonic() < dueMs) return
    dueMs = clock.monotonic() + compareEveryMs
    const keys = await onlineKeys(direct, ownServer, clock.now(), keysMax + 1)
    // A peer remembers no more than these: there is nothing that could agree.
    if (keys.length > keysMax) return
    const have = digestOf(keys)
    for (const server of peers.told()) {
      if (!peers.can(server, digestFeature)) continue
      const may = breakers.ask(server)
      if (may === 'probe') breakers.release(server)
      if (may !== 'go') continue
      void ask(server, have).catch((error: unknown) =>
        log.error({ error, server }, 'a peer could not be asked to compare'),
      )
    }
  }
}
