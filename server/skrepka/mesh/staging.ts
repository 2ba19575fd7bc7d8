/** Plans which mail goes to which peer: in the transaction that stored it, or when its recipient is announced there. */
import type { Clock } from '../../kernel/clock.ts'
import type { Tx } from '../../kernel/storage/database.ts'
import type { KeyHex, Mailboxes, PendingMessage, ServerName } from '../contract.ts'
import { countPending, planForward, wakeResting } from './forward-store.ts'
import { behindAt, elsewhere, markStaged, type Presence } from './presence-store.ts'

export interface Staging {
  /** Mail that was stored just now. Gives the servers that have something to be called for, in the order of names. */
  stored(
    tx: Tx,
    stored: readonly { readonly key: KeyHex; readonly message: PendingMessage }[],
  ): Promise<readonly ServerName[]>
  /** A key was announced at a server: whatever it has not got yet. Gives whether something waits there now. */
  announced(tx: Tx, presence: Pick<Presence, 'server' | 'key' | 'staged'>): Promise<boolean>
  /** There is room again for a server: goes on where there was none. Gives whether something was planned. */
  resume(tx: Tx, server: ServerName): Promise<boolean>
}

export interface StagingOptions {
  readonly clock: Clock
  readonly mailboxes: Pick<Mailboxes, 'boxOf' | 'pending'>
  /** Mail that waits for one server at most; what is above it is planned when there is room. */
  readonly forwardsMax: number
}

/** Messages that are looked at in one step. */
const pageMax = 500
/** Keys that a server goes on with in one step. */
const resumeKeysMax = 100

export function createStaging({ clock, mailboxes, forwardsMax }: StagingOptions): Staging {
  /** Plans from the mailbox's own list, in order, until there is nothing more or no more room. */
  const catchUp = async (
    tx: Tx,
    presence: Pick<Presence, 'server' | 'key' | 'staged'> & { readonly box: number },
  ): Promise<number> => {
    const { server, key, box } = presence
    let room = forwardsMax - (await countPending(tx, server, forwardsMax))
    let { staged } = presence
    let planned = 0
    let behind = false
    for (;;) {
      const page = await mailboxes.pending(tx, box, staged, pageMax)
      for (const message of page) {
        behind = room <= 0
        if (behind) break
        const isNew = await planForward(tx, { server, key, message })
        if (isNew) {
          planned += 1
          room -= 1
        }
        staged = message.seq
      }
      if (behind || page.length < pageMax) break
    }
    await markStaged(tx, { server, key, staged, behind })
    return planned
  }

  return {
    stored: async (tx, stored) => {
      const places = await elsewhere(tx, [...new Set(stored.map(one => one.key))], clock.now())
      if (places.size === 0) return []
      const byKey = Map.groupBy(stored, one => one.key)
      const room = new Map<ServerName, number>()
      const servers = new Set<ServerName>()
      for (const [key, list] of byKey) {
        for (const place of places.get(key) ?? []) {
          const { server, behind } = place
          // What is behind is planned in its order, when there is room.
          if (behind) continue
          let left = room.get(server) ?? forwardsMax - (await countPending(tx, server, forwardsMax))
          let { staged } = place
          let isFull = false
          for (const { message } of list) {
            isFull = left <= 0
            if (isFull) break
            if (await planForward(tx, { server, key, message })) {
              left -= 1
              servers.add(server)
            }
            staged = Math.max(staged, message.seq)
          }
          room.set(server, left)
          await markStaged(tx, { server, key, staged, behind: isFull })
        }
      }
      return [...servers].toSorted()
    },
    announced: async (tx, presence) => {
      const box = await mailboxes.boxOf(tx, presence.key)
      if (box === undefined) return false
      await wakeResting(tx, presence.server, box)
      return (await catchUp(tx, { ...presence, box })) > 0
    },
    resume: async (tx, server) => {
      let planned = 0
      for (const presence of await behindAt(tx, server, resumeKeysMax)) {
        const box = await mailboxes.boxOf(tx, presence.key)
        if (box === undefined) continue
        planned += await catchUp(tx, { ...presence, box })
        if ((await countPending(tx, server, forwardsMax)) >= forwardsMax) break
      }
      return planned > 0
    },
  }
}
