/** What has to happen by itself: presence ends, peers are tried again, forwarded mail is let go, tables are counted. */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import type { KeyHex, Mailboxes, ServerName } from '../contract.ts'
import type { MeshSettings } from './config.ts'
import type { Contact } from './contact.ts'
import type { Delivery } from './delivery.ts'
import { countAllPending, dropPending, keepTaken, serversWaiting, takenBefore } from './forward-store.ts'
import type { GossipOut } from './gossip-out.ts'
import { type PeerTokens, tokenFeature } from './peer-token.ts'
import type { Peers } from './peers.ts'
import { countElsewhere, dropExpired, isHere, ownServer } from './presence-store.ts'

export interface SweepOptions {
  readonly settings: MeshSettings
  readonly clock: Clock
  readonly database: Database
  readonly mailboxes: Pick<Mailboxes, 'boxOf' | 'release'>
  readonly peers: Peers
  readonly gossip: Pick<GossipOut, 'changed' | 'retry'>
  readonly contact: Contact
  /** Asks peers whether they know of everybody here. */
  readonly compare: () => Promise<void>
  readonly tokens: Pick<PeerTokens, 'fetch'>
  readonly delivery: Pick<Delivery, 'deliver'>
  /** What was counted, for bounds and metrics. */
  readonly counted: (counts: SweepCounts) => void
  readonly log: Logger
}

export interface SweepCounts {
  readonly presence: number
  readonly unproven: number
  readonly forwards: number
}

/** Rows of one transaction, and transactions of one sweep. */
const rowsMax = 500
const stepsMax = 200

/** Gives one sweep; it never throws. */
export function createSweep(options: SweepOptions): () => Promise<void> {
  const { settings, clock, database, mailboxes, peers, gossip, contact, delivery, log } = options

  /** One step; gives how many rows there were, and which keys went offline here. */
  const expireSome = () =>
    database.write(async tx => {
      const gone = await dropExpired(tx, clock.now(), rowsMax)
      for (const { server, key } of gone) {
        if (server === ownServer) continue
        const box = await mailboxes.boxOf(tx, key)
        if (box !== undefined) await dropPending(tx, server, box)
      }
      const left = gone.filter(one => one.server === ownServer).map(one => one.key)
      return { rows: gone.length, left }
    })

  const expire = async (): Promise<void> => {
    const left: KeyHex[] = []
    for (let step = 0; step < stepsMax; step += 1) {
      const { rows, left: some } = await expireSome()
      left.push(...some)
      if (rows < rowsMax) break
    }
    if (left.length > 0 && settings.federationEnabled) gossip.changed(left)
  }

  /** Mail that a proven peer has had for the time it is kept; never what its recipient could be reading here just now. */
  const letGo = async (): Promise<void> => {
    if (settings.forwardedRetention === 0) return
    const before = clock.now() - settings.forwardedRetention
    for (let step = 0; step < stepsMax; step += 1) {
      const due = await takenBefore(database.direct, before, rowsMax)
      const leaving: (typeof due)[number][] = []
      for (const one of due) if (!(await isHere(database.direct, one.key, clock.now()))) leaving.push(one)
      if (leaving.length > 0) await mailboxes.release(leaving)
      // What is left of these rows is mail that stays: as long as other mail.
      await database.write(async tx => {
        for (const { box, seq } of due) await keepTaken(tx, box, seq)
      })
      if (due.length < rowsMax) return
    }
  }

  const reach = async (): Promise<void> => {
    await peers.forget()
    for (const server of peers.toReach()) if (worthALook(server)) void contact.look(server)
  }
  const worthALook = (server: ServerName) =>
    peers.isSeed(server) || peers.isProven(server) || settings.federationPolicy === 'prefer'

  const steps: readonly (readonly [string, () => Promise<void>])[] = [
    ['presence that ended', expire],
    ['forwarded mail', letGo],
    [
      'peers',
      async () => {
        if (!settings.federationEnabled) return
        await peers.load()
        await reach()
        gossip.retry()
        for (const server of peers.told())
          if (peers.can(server, tokenFeature)) void options.tokens.fetch(server)
        await options.compare()
        for (const server of await serversWaiting(database.direct)) delivery.deliver(server)
      },
    ],
    [
      'counts',
      async () => {
        const { all, unproven } = await countElsewhere(database.direct)
        const forwards = await countAllPending(database.direct)
        options.counted({ presence: all, unproven, forwards })
      },
    ],
  ]

  return async () => {
    for (const [what, step] of steps) {
      try {
        await step()
      } catch (error) {
        log.error({ error }, `${what} could not be swept`)
      }
    }
  }
}
