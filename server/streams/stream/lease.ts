/**
 * Which streams are this node's, where several share a PostgreSQL. A node says regularly that it is alive; a stream is
 * bound to one node, and passes on when that one is not alive any more. What is stored names the node that stores it, so
 * that one which has lost a stream without noticing cannot add to it.
 */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { Refusal } from '../../kernel/errors.ts'
import { deleteNode, deleteNodesBefore, nodeOf, putNode, takeStream } from '../database/nodes.ts'
import { stateCopyOf } from '../database/state-events.ts'
import { streamById, type StreamRecord } from '../database/streams.ts'
import type { SqlHosts } from '../host/contract.ts'
import { streamDeleted, streamElsewhere } from './texts.ts'

export interface Lease {
  /** This node's id; null where nobody else serves these streams. */
  readonly node: string | null
  /** Whether what this node knows of its streams holds. */
  holds(): boolean
  /** Makes a stream this node's, and gives what is committed about it. Throws Refusal `unavailable` when it is another's. */
  take(record: StreamRecord): Promise<StreamRecord>
  start(): Promise<void>
  stop(): Promise<void>
}

const leaseMs = 30_000
const renewMs = 10_000
/** How long before its end a lease is not relied on any more: what clocks of nodes may differ by. */
const marginMs = 5_000
/** Rows of nodes that have not been alive for this long go. */
const forgetNodesMs = 24 * 60 * 60 * 1000

/** Where there is one node, every stream is its own. */
export const soleLease: Lease = {
  node: null,
  holds: () => true,
  take: async record => record,
  start: async () => undefined,
  stop: async () => undefined,
}

export interface LeaseDependencies {
  readonly database: Pick<Database, 'read' | 'write' | 'direct'>
  readonly hosts: Pick<SqlHosts, 'remove' | 'placeState'>
  readonly clock: Clock
  readonly log: Logger
  readonly node: { readonly id: string; readonly address: string }
  /** The lease was lost for a while: what is in memory may be wrong. */
  readonly onLost: () => void
}

export function createLease(deps: LeaseDependencies): Lease {
  const { database, hosts, clock, node } = deps
  const heartbeat = createHeartbeat(deps)

  /** What another node did is not in this node's files: they are made anew, from the log and the state's copy. */
  const replaceFiles = async (record: StreamRecord) => {
    await hosts.remove(record.did)
    const copy = await stateCopyOf(database.direct, record.id)
    if (copy !== undefined) await hosts.placeState(record.did, copy.bytes)
  }
  const take = async (record: StreamRecord): Promise<StreamRecord> => {
    if (!heartbeat.holds()) await heartbeat.beat()
    if (!heartbeat.holds()) {
      throw new Refusal('unavailable', 'This node has lost its connection to the others', {
        retryAfterMs: 5000,
      })
    }
    const now = clock.now()
    // The files first: a crash in between leaves the stream to whom it was.
    if (record.node !== node.id) {
      const other = await nodeOf(database.direct, record.id, now)
      if (other !== undefined) throw streamElsewhere(other.address)
      await replaceFiles(record)
    }
    const taken = await database.write(tx => takeStream(tx, { stream: record.id, node: node.id, now }))
    const fresh = await streamById(database.direct, record.id)
    if (fresh === undefined) throw streamDeleted(record.did)
    if (taken) return fresh
    const other = await nodeOf(database.direct, record.id, now)
    throw streamElsewhere(other?.address ?? 'unknown')
  }

  return { node: node.id, holds: heartbeat.holds, take, start: heartbeat.start, stop: heartbeat.stop }
}

/** Says regularly that this node is alive. */
function createHeartbeat({ database, clock, log, node, onLost }: LeaseDependencies) {
  let until = { wall: 0, monotonic: 0 }
  let cancel: (() => void) | undefined
  let beating: Promise<void> | undefined

  // Both clocks: one stands still while a machine sleeps, the other can be set back.
  const holds = () => clock.now() < until.wall && clock.monotonic() < until.monotonic

  const renew = async () => {
    const asked = { wall: clock.now(), monotonic: clock.monotonic() }
    if (!holds() && until.wall > 0) onLost()
    await database.write(async tx => {
      await putNode(tx, { ...node, expiresAt: asked.wall + leaseMs })
      await deleteNodesBefore(tx, asked.wall - forgetNodesMs)
    })
    until = { wall: asked.wall + leaseMs - marginMs, monotonic: asked.monotonic + leaseMs - marginMs }
  }
  const beat = () => {
    beating ??= renew()
      .catch((error: unknown) => log.warn({ error }, 'could not renew the lease of this node on its streams'))
      .finally(() => {
        beating = undefined
      })
    return beating
  }

  return {
    holds,
    beat,
    start: async () => {
      await beat()
      cancel ??= clock.every(renewMs, () => void beat())
    },
    stop: async () => {
      cancel?.()
      cancel = undefined
      await beating
      if (until.wall === 0) return
      until = { wall: 0, monotonic: 0 }
      await database.write(tx => deleteNode(tx, node.id))
    },
  }
}
