/** Where hosts read what they lack: the house database. */
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { readEvents } from '../database/events.ts'
import { moduleBytes } from '../database/modules.ts'
import { readStateEvents } from '../database/state-events.ts'
import { streamIdOf } from '../database/streams.ts'
import type { HostSources, StreamDid } from '../host/contract.ts'

/** Numbers of streams that are remembered. */
const idsMax = 10_000

/** The sources of `createSqlHosts`. A stream that is gone has nothing. */
export function createHostSources(database: Pick<Database, 'direct' | 'read'>): HostSources {
  const ids = createBoundedMap<StreamDid, number>(idsMax)
  // A DID's number never changes, also when the stream is gone.
  const idOf = async (did: StreamDid) => {
    const known = ids.get(did)
    if (known !== undefined) return known
    const id = await streamIdOf(database.direct, did)
    if (id !== undefined) ids.set(did, id)
    return id
  }
  return {
    events: async (did, after, itemsMax, bytesMax) => {
      const id = await idOf(did)
      if (id === undefined) return []
      return database.read(tx => readEvents(tx, id, { after, itemsMax, bytesMax }))
    },
    stateEvents: async (did, after, itemsMax, bytesMax) => {
      const id = await idOf(did)
      if (id === undefined) return []
      return database.read(tx => readStateEvents(tx, id, { after, itemsMax, bytesMax }))
    },
    module: cid => moduleBytes(database.direct, cid),
  }
}
