/** Relays that are told about this server, and what they answered. Store only. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

export interface Relay {
  /** `https://bsky.network` */
  readonly host: string
  readonly enabled: boolean
  /** When it was asked last to crawl, and when it answered; null: never. Milliseconds since the epoch. */
  readonly requestedAt: number | null
  readonly answeredAt: number | null
  /** HTTP status of its last answer; 0: it did not answer; null: it was not asked yet. */
  readonly status: number | null
  /** What it said, or why it could not be reached. */
  readonly answer: string | null
  readonly addedAt: number
}

const columns = `host, enabled, requested_at AS "requestedAt", answered_at AS "answeredAt", status, answer,
  added_at AS "addedAt"`

type Row = Omit<Relay, 'enabled'> & { readonly enabled: number }
const relayOf = (row: Row): Relay => ({ ...row, enabled: row.enabled === 1 })

/** All relays, by their address. */
export async function listRelays(tx: ReadTx): Promise<readonly Relay[]> {
  return (await tx.all<Row>(`SELECT ${columns} FROM pds_relays ORDER BY host`)).map(relayOf)
}

/** Adds a relay; gives false when it is there already. */
export async function insertRelay(tx: Tx, host: string, nowMs: number): Promise<boolean> {
  const { changes } = await tx.run(
    `INSERT INTO pds_relays (host, enabled, added_at) VALUES ($1, 1, $2) ON CONFLICT (host) DO NOTHING`,
    [host, nowMs],
  )
  return changes === 1
}

/** Gives false when there is no such relay. */
export async function deleteRelay(tx: Tx, host: string): Promise<boolean> {
  const { changes } = await tx.run(`DELETE FROM pds_relays WHERE host = $1`, [host])
  return changes === 1
}

/** Gives false when there is no such relay. */
export async function enableRelay(tx: Tx, host: string, enabled: boolean): Promise<boolean> {
  const { changes } = await tx.run(`UPDATE pds_relays SET enabled = $2 WHERE host = $1`, [
    host,
    enabled ? 1 : 0,
  ])
  return changes === 1
}

/** Notes that the relay is about to be asked; gives false when another node has asked it since `before`. */
export async function claimRequest(tx: Tx, host: string, before: number, nowMs: number): Promise<boolean> {
  const { changes } = await tx.run(
    `UPDATE pds_relays SET requested_at = $3
     WHERE host = $1 AND enabled = 1 AND (requested_at IS NULL OR requested_at <= $2)`,
    [host, before, nowMs],
  )
  return changes === 1
}

/** Notes what the relay answered. */
export async function setAnswer(
  tx: Tx,
  host: string,
  answer: { readonly status: number; readonly text: string; readonly at: number },
): Promise<void> {
  await tx.run(`UPDATE pds_relays SET status = $2, answer = $3, answered_at = $4 WHERE host = $1`, [
    host,
    answer.status,
    answer.text,
    answer.at,
  ])
}
