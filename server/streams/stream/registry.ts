/** The streams in memory: found by DID, loaded when first needed, forgotten when nobody holds them. */
import type { Database } from '../../kernel/storage/database.ts'
import { isDeleted } from '../database/deleted.ts'
import { streamByDid, type StreamRecord } from '../database/streams.ts'
import { endUpdate, updateOf } from '../database/modules.ts'
import type { SqlHosts, StreamDid } from '../host/contract.ts'
import { createEntry, type StreamEntry, viewOf, wake } from './entry.ts'
import type { Lease } from './lease.ts'
import { noSuchStream, streamDeleted, streamFrozen } from './texts.ts'

export interface Registry {
  /** The entry of a stream that exists and is this node's. Throws Refusal `missing`, or `unavailable` when it is another node's. */
  open(did: StreamDid): Promise<StreamEntry>
  /** What is committed about it. Call with its lane held, or right after `open`; throws as `open` does. */
  record(entry: StreamEntry): Promise<StreamRecord>
  /** The same of a stream that can be added to; another process may have unfrozen it. Not with its lane held. Throws Refusal `forbidden`. */
  unfrozen(entry: StreamEntry): Promise<StreamRecord>
  /** The entry if it is in memory. */
  peek(did: StreamDid): StreamEntry | undefined
  /** Holds an entry in memory until the returned function is called. */
  hold(entry: StreamEntry): () => void
  /** What is known of streams may be wrong: everything is read again. */
  forgetAll(): void
  /** The stream is gone: everybody who waits for it learns it. */
  end(entry: StreamEntry): void
  entries(): Iterable<StreamEntry>
  size(): number
}

/** Entries that are kept though nobody holds them. */
const idleEntriesMax = 10_000
/** Entries that are looked at to find one that can be forgotten. */
const looksMax = 8

export function createRegistry(deps: {
  readonly database: Pick<Database, 'direct' | 'write'>
  readonly hosts: Pick<SqlHosts, 'adopt'>
  readonly lease: Lease
}): Registry {
  const { database, hosts, lease } = deps
  const entries = new Map<StreamDid, StreamEntry>()
  const loading = new Map<StreamDid, Promise<StreamRecord>>()

  const read = async (did: StreamDid): Promise<StreamRecord> => {
    const record = await streamByDid(database.direct, did)
    if (record !== undefined) return record
    throw (await isDeleted(database.direct, did)) ? streamDeleted(did) : noSuchStream(did)
  }
  /** A module that was switched to has its state in place before anybody sees it. */
  const finishUpdate = async (record: StreamRecord): Promise<StreamRecord> => {
    const update = await updateOf(database.direct, record.id)
    if (update === undefined || update.switched === 0) return record
    await hosts.adopt(viewOf(record))
    await database.write(tx => endUpdate(tx, update))
    return record
  }
  const load = (did: StreamDid): Promise<StreamRecord> => {
    const under = loading.get(did)
    if (under !== undefined) return under
    const begun = read(did)
      .then(found => lease.take(found))
      .then(finishUpdate)
      .finally(() => loading.delete(did))
    loading.set(did, begun)
    return begun
  }
  const shrink = () => {
    if (entries.size <= idleEntriesMax) return
    let looked = 0
    for (const [did, entry] of entries) {
      entries.delete(did)
      // Who is held goes to the end, so that the next look begins with others.
      if (entry.holders > 0 || entry.working || !entry.lane.isIdle()) entries.set(did, entry)
      looked += 1
      if (looked >= looksMax || entries.size <= idleEntriesMax) return
    }
  }
  const record = async (entry: StreamEntry): Promise<StreamRecord> => {
    if (entry.gone) throw streamDeleted(entry.did)
    if (entry.record !== undefined && lease.holds()) return entry.record
    const loaded = await load(entry.did)
    entry.record = loaded
    return loaded
  }

  return {
    open: async did => {
      const known = entries.get(did)
      if (known !== undefined) {
        if (known.record === undefined || !lease.holds()) await record(known)
        return known
      }
      const loaded = await load(did)
      const raced = entries.get(did)
      if (raced !== undefined) return raced
      const entry = createEntry(did)
      entry.record = loaded
      entries.set(did, entry)
      shrink()
      return entry
    },
    record,
    unfrozen: async entry => {
      const known = entry.record ?? (await record(entry))
      if (known.frozen === 0) return known
      return entry.lane.exclusive(async () => {
        entry.record = undefined
        const fresh = await record(entry)
        if (fresh.frozen !== 0) throw streamFrozen()
        return fresh
      })
    },
    peek: did => entries.get(did),
    hold: entry => {
      entry.holders += 1
      return () => {
        entry.holders -= 1
      }
    },
    forgetAll: () => {
      for (const entry of entries.values()) {
        entry.record = undefined
        wake(entry)
      }
    },
    end: entry => {
      entry.gone = true
      entry.record = undefined
      entries.delete(entry.did)
      wake(entry)
    },
    entries: () => entries.values(),
    size: () => entries.size,
  }
}
