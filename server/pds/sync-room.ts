/** Builds the firehose: its log, its sockets, its window. */
import { createFirehose } from './sync/firehose.ts'
import { createLive } from './sync/live.ts'
import { createEventLog } from './sync/log.ts'
import { createPruning } from './sync/pruning.ts'
import { createRelays } from './sync/relays.ts'
import { createSequencer } from './sync/sequencer.ts'
import type { PdsDependencies, Place } from './dependencies.ts'

export type SyncRoom = ReturnType<typeof createSyncRoom>

/** The firehose with its sequencer. */
export function createSyncRoom(deps: PdsDependencies, { hostname }: Place) {
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
  const pruning = createPruning({ database, clock, logger: log, windowMs: settings.firehoseWindowMs })
  const relays = createRelays({
    database,
    clock,
    logger: log,
    fetch: deps.operatorFetch,
    hostname: deps.production || settings.relays.length > 0 ? hostname : undefined,
    configured: settings.relays,
  })
  return {
    sequencer,
    firehose,
    relays,
    live: createLive({ database, log: events, lastSeq: tx => sequence.last(tx) }),
    start: async () => {
      firehose.start()
      pruning.start()
      await relays.start()
    },
    stop: async (deadlineMs: number) => {
      await Promise.all([firehose.stop(deadlineMs), pruning.stop(), relays.stop()])
      events.close()
    },
  }
}
