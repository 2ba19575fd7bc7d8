/** The firehose's reading end: one follow over the log, shared by everybody who listens. */
import type { Clock } from '../../kernel/clock.ts'
import { createFollow, type Follow } from '../../kernel/follow.ts'
import { createPace } from '../../kernel/pace.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { eventsAfter, type LoggedEvent, sequencerChannel } from '../database/sequencer.ts'

/** Events of one batch. */
const batchEventsMax = 64
/** Bytes of one batch; a larger event goes alone. */
const batchBytesMax = 128 * 1024
/** Events and bytes that are kept for those who are near the end. */
const tailEventsMax = 2000
const tailBytesMax = 16 * 1024 * 1024

/** Follows the firehose's log; wakes by the database's notices, from this node and from others. */
export function createEventLog(options: {
  readonly database: Database
  readonly clock: Clock
}): Follow<LoggedEvent> {
  const { database, clock } = options
  const pace = createPace({ clock })
  const log = createFollow<LoggedEvent>({
    read: (after, limit) => database.read(tx => eventsAfter(tx, after, { limit, bytesMax: batchBytesMax })),
    batchItemsMax: batchEventsMax,
    tailItemsMax: tailEventsMax,
    bytesOf: event => event.frame.length,
    batchBytesMax,
    tailBytesMax,
    turn: pace.turn,
  })
  const unlisten = database.listen(sequencerChannel, log.wake)
  return {
    ...log,
    close: () => {
      unlisten()
      log.close()
    },
  }
}
