/** The firehose's log, as rows: each event as the frame that goes out, under its seq. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

/** Who appends to the log notifies this channel. */
export const sequencerChannel = 'pds_sequencer'

export type EventType = 'commit' | 'sync' | 'identity' | 'account'

export interface LoggedEvent {
  readonly seq: number
  readonly did: string
  readonly type: EventType
  /** The whole frame, header and body. */
  readonly frame: Uint8Array
  readonly createdAt: number
}

/** Appends an event. The transaction holds the lock `sequence`. */
export async function insertEvent(tx: Tx, event: LoggedEvent): Promise<void> {
  await tx.run(
    `INSERT INTO pds_sequencer (seq, did, event_type, event_data, created_at) VALUES ($1, $2, $3, $4, $5)`,
    [event.seq, event.did, event.type, event.frame, event.createdAt],
  )
}

/** Events with `seq` > `after`, ascending: at most `limit`, and as many as fit into `bytesMax` (one in any case). */
export async function eventsAfter(
  tx: ReadTx,
  after: number,
  bounds: { readonly limit: number; readonly bytesMax: number },
): Promise<readonly LoggedEvent[]> {
  const sizes = await tx.all<{ seq: number; bytes: number }>(
    `SELECT seq, length(event_data) AS bytes FROM pds_sequencer WHERE seq > $1 ORDER BY seq LIMIT $2`,
    [after, bounds.limit],
  )
  let bytes = 0
  let last: number | undefined
  for (const row of sizes) {
    bytes += row.bytes
    if (bytes > bounds.bytesMax && last !== undefined) break
    last = row.seq
  }
  if (last === undefined) return []
  return tx.all<LoggedEvent>(
    `SELECT seq, did, event_type AS type, event_data AS frame, created_at AS "createdAt"
     FROM pds_sequencer WHERE seq > $1 AND seq <= $2 ORDER BY seq`,
    [after, last],
  )
}

/** The seq of the newest event that is older than `createdAt`, or undefined. */
export async function newestEventBefore(tx: ReadTx, createdAt: number): Promise<number | undefined> {
  const row = await tx.get<{ seq: number }>(
    `SELECT seq FROM pds_sequencer WHERE created_at < $1 ORDER BY created_at DESC, seq DESC LIMIT 1`,
    [createdAt],
  )
  return row?.seq
}

/** Removes the oldest events with `seq` < `before`, at most `limit`; gives how many went. */
export async function deleteEventsBefore(tx: Tx, before: number, limit: number): Promise<number> {
  const { changes } = await tx.run(
    `DELETE FROM pds_sequencer WHERE seq IN (SELECT seq FROM pds_sequencer WHERE seq < $1 ORDER BY seq LIMIT $2)`,
    [before, limit],
  )
  return changes
}

/** Removes what the log has about a DID, but for `kept`, the last word about it. */
export async function deleteEventsOf(tx: Tx, did: string, kept: number): Promise<void> {
  await tx.run(`DELETE FROM pds_sequencer WHERE did = $1 AND seq <> $2`, [did, kept])
}

/** The newest events, of one account or of all, the newest first. */
export function newestEvents(
  tx: ReadTx,
  options: { readonly did?: string | undefined; readonly limit: number },
): Promise<LoggedEvent[]> {
  const { did, limit } = options
  const select = `SELECT seq, did, event_type AS type, event_data AS frame, created_at AS "createdAt" FROM pds_sequencer`
  return did === undefined
    ? tx.all(`${select} ORDER BY seq DESC LIMIT $1`, [limit])
    : tx.all(`${select} WHERE did = $1 ORDER BY seq DESC LIMIT $2`, [did, limit])
}
