/** Reading a stream's log as it is: any node can, as it reads the house database. */
import { Refusal } from '../../kernel/errors.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { isDeleted } from '../database/deleted.ts'
import { readEvents } from '../database/events.ts'
import { ownersOf, streamByDid, type StreamRecord } from '../database/streams.ts'
import type { StreamDid } from '../host/contract.ts'
import type { ModuleSummaries } from '../module/summary.ts'
import type { Caller, ChainedEvent, StreamInfo } from './contract.ts'
import { channelOf } from './group.ts'
import { noSuchStream, streamDeleted } from './texts.ts'

export interface LogReading {
  info(stream: StreamDid): Promise<StreamInfo>
  head(stream: StreamDid): Promise<number>
  mayReadLog(caller: Caller, stream: StreamDid): Promise<boolean>
  readLog(
    stream: StreamDid,
    after: number,
    itemsMax: number,
    bytesMax: number,
  ): Promise<readonly ChainedEvent[]>
  waitPast(stream: StreamDid, after: number, signal: AbortSignal): Promise<number>
}

export function createLogReading(deps: {
  readonly database: Pick<Database, 'direct' | 'read' | 'listen'>
  readonly modules: ModuleSummaries
}): LogReading {
  const { database, modules } = deps

  const find = async (did: StreamDid): Promise<StreamRecord> => {
    const record = await streamByDid(database.direct, did)
    if (record !== undefined) return record
    throw (await isDeleted(database.direct, did)) ? streamDeleted(did) : noSuchStream(did)
  }

  return {
    info: async did => {
      const { module, clientStamp } = await find(did)
      return { moduleCid: module, clientStamp }
    },
    head: async did => (await find(did)).head,
    mayReadLog: async (caller, did) => {
      const record = await find(did)
      if ((await modules.of(record.module)).publicLog || caller.unsafe) return true
      return caller.did !== null && (await ownersOf(database.direct, record.id)).includes(caller.did)
    },
    readLog: async (did, after, itemsMax, bytesMax) => {
      if (after < 0 || itemsMax < 1) throw new Refusal('invalid', 'expected an idx of 0 or more')
      const { id, head } = await find(did)
      if (after >= head) return []
      return database.read(tx => readEvents(tx, id, { after, itemsMax, bytesMax }))
    },
    waitPast: async (did, after, signal) => {
      const { id } = await find(did)
      let woken = false
      let wake = () => {
        woken = true
      }
      const onWake = () => wake()
      const unlisten = database.listen(channelOf(id), onWake)
      signal.addEventListener('abort', onWake)
      try {
        for (;;) {
          woken = false
          const { head } = await find(did)
          if (head > after || signal.aborted) return head
          // What was committed between the look and now has set `woken`.
          if (woken) continue
          await new Promise<void>(resolve => {
            wake = resolve
          })
          wake = () => {
            woken = true
          }
        }
      } finally {
        unlisten()
        signal.removeEventListener('abort', onWake)
      }
    },
  }
}
