/**
 * Removes streams. For everybody they are gone with one transaction; their events go piece by piece afterwards. The DID
 * is not tombstoned: that could not be taken back after 72 hours, a backup of the stream would have lost its name, and
 * others may point at it. Its key is kept sealed, so that whoever runs the house can still speak for it.
 */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { type DeletedStream, markDeleted, markPurged, unpurged } from '../database/deleted.ts'
import { deleteEvents } from '../database/events.ts'
import { idxMax, lastPlaceOf, placeOf } from '../database/place.ts'
import type { SqlHosts } from '../host/contract.ts'
import type { StreamKeys } from '../identity/keys.ts'
import { channelOf } from './group.ts'
import type { StreamEntry } from './entry.ts'
import type { Quotas } from './quota.ts'
import type { Registry } from './registry.ts'

export interface Removal {
  remove(entry: StreamEntry): Promise<void>
  /** Removes what streams that are gone have left behind; can be cut off anywhere. */
  purge(): Promise<void>
}

/** Events that one transaction removes: others wait for it. */
const perTransactionMax = 1000
const streamsPerRoundMax = 20

export function createRemoval(deps: {
  readonly database: Pick<Database, 'write' | 'read'>
  readonly hosts: Pick<SqlHosts, 'remove'>
  readonly registry: Registry
  readonly keys: StreamKeys
  readonly quotas: Quotas
  readonly clock: Clock
  readonly log: Logger
}): Removal {
  const { database, hosts, registry, keys, quotas, clock, log } = deps

  /** It may have been deleted by another process: whoever waits for it here learns it, too. */
  const endHere = async ({ did, stream }: DeletedStream) => {
    const entry = registry.peek(did)
    if (entry === undefined || (entry.record !== undefined && entry.record.id !== stream)) return
    await entry.lane.exclusive(async () => registry.end(entry))
    keys.forget(stream)
  }
  const purgeOne = async (gone: DeletedStream) => {
    const { did, stream, head } = gone
    await endHere(gone)
    for (let upTo = 0; upTo < head; ) {
      upTo = Math.min(head, upTo + perTransactionMax)
      const last = upTo
      await database.write(tx => deleteEvents(tx, stream, last))
    }
    await database.write(async tx => {
      for (const table of ['streams_state_event', 'streams_batch']) {
        await tx.run(`DELETE FROM ${table} WHERE place > $1 AND place <= $2`, [
          placeOf(stream, 0),
          lastPlaceOf(stream),
        ])
      }
      // What a last append may have added after the head was noted.
      await deleteEvents(tx, stream, idxMax)
      await markPurged(tx, did)
    })
    await hosts.remove(did)
  }

  return {
    remove: entry =>
      entry.lane.exclusive(async () => {
        const record = await registry.record(entry)
        await database.write(async tx => {
          await markDeleted(tx, record, clock.now())
          tx.notify(channelOf(record.id))
        })
        registry.end(entry)
        keys.forget(record.id)
        quotas.forget(record.payer)
        await hosts.remove(record.did)
        log.info({ stream: record.did, events: record.head }, 'deleted a stream')
      }),
    purge: async () => {
      for (const gone of await database.read(tx => unpurged(tx, streamsPerRoundMax))) await purgeOne(gone)
    },
  }
}
