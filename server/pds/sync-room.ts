/** Builds the firehose: its log, its sockets, its window. */
import { windowSlackMs } from './sync/firehose.ts'
import { createFirehose } from './sync/firehose.ts'
import { createEventLog } from './sync/log.ts'
import { createSequencer } from './sync/sequencer.ts'
import type { PdsDependencies } from './index.ts'

export type SyncRoom = ReturnType<typeof createSyncRoom>

/** The firehose with its sequencer. */
export function createSyncRoom(deps: PdsDependencies) {
  const { settings, database, sequence, clock, log, metrics } = deps
  const sequencer = createSequencer({ clock, nextSeq: tx => sequence.next(tx) })
  const events = createEventLog({ database, clock })
  const firehose = createFirehose({
    database,
    log: events,
    lastSeq: tx => sequence.last(tx),
    clock,
    logger: log,
    metrics,
    windowMs: settings.firehoseWindowMs,
    socketsMax: settings.firehoseSocketsMax,
    socketsPerAddressMax: settings.firehoseSocketsPerAddressMax,
  })
  return {
    sequencer,
    events,
    firehose,
    start: async () => {
      firehose.start()
    },
    stop: async (deadlineMs: number) => {
      await firehose.stop(deadlineMs)
      events.close()
    },
  }
}
