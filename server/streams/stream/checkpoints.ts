/** Shortens the state journal: once the state's file is durable, what is in it is forgotten. */
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { pruneStateEvents, putStateCopy } from '../database/state-events.ts'
import type { SqlHosts } from '../host/contract.ts'
import { type StreamEntry, viewOf } from './entry.ts'
import { errorText } from './error-text.ts'
import type { Registry } from './registry.ts'

export interface Checkpoints {
  /** Shortens the journal of a stream if it is long. Never throws. */
  consider(entry: StreamEntry): Promise<void>
  /** The same for every stream in memory. */
  round(): Promise<void>
}

/** Entries after which a journal is shortened. */
const journalEvents = { own: 1000, shared: 10_000 } as const
/** Bytes after which it is. */
const journalBytesMax = 4 * 1024 * 1024
/** A state that is larger stays in its journal where nodes share a database: it does not fit into a row. */
const stateCopyBytesMax = 64 * 1024 * 1024

export function createCheckpoints(deps: {
  readonly database: Pick<Database, 'write'>
  readonly hosts: Pick<SqlHosts, 'checkpointState' | 'copyState'>
  readonly registry: Registry
  readonly log: Logger
  /** Whether other nodes may take streams over: then the state is kept in the database, too. */
  readonly shared: boolean
  /** A build reads the journal from where it began: it must not become shorter meanwhile. */
  readonly isBuilding: (did: string) => boolean
}): Checkpoints {
  const { database, hosts, registry, log, shared, isBuilding } = deps

  const checkpoint = async (entry: StreamEntry): Promise<void> => {
    const record = await registry.record(entry)
    const view = viewOf(record)
    const { seq, idx } = await hosts.checkpointState(view)
    const bytes = shared ? await hosts.copyState(view) : undefined
    if (shared && (bytes === undefined || bytes.length > stateCopyBytesMax)) return
    await database.write(async tx => {
      if (bytes !== undefined) await putStateCopy(tx, record.id, { seq, idx, bytes })
      await pruneStateEvents(tx, record.id, seq)
    })
    entry.record = { ...record, stateKept: Math.max(record.stateKept, seq) }
    entry.journalBytes = 0
  }

  const underWay = new Set<StreamEntry>()
  const isLong = ({ record, journalBytes }: StreamEntry) =>
    record !== undefined &&
    (record.stateHead - record.stateKept >= journalEvents[shared ? 'shared' : 'own'] ||
      journalBytes >= journalBytesMax)
  const consider = async (entry: StreamEntry): Promise<void> => {
    if (!isLong(entry) || underWay.has(entry) || isBuilding(entry.did)) return
    underWay.add(entry)
    try {
      await entry.lane.exclusive(() => checkpoint(entry))
    } catch (error) {
      log.warn({ stream: entry.did, error: errorText(error) }, 'could not shorten a state journal')
    } finally {
      underWay.delete(entry)
    }
  }
  return {
    consider,
    round: async () => {
      for (const entry of registry.entries()) await consider(entry)
    },
  }
}
