/** Quotas of owners as rows, and what they use. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'
import type { Quota } from '../stream/contract.ts'

/** The quota that an operator set for an owner. */
export function quotaRow(tx: ReadTx, owner: string): Promise<Quota | undefined> {
  return tx.get('SELECT streams, bytes FROM streams_quota WHERE owner = $1', [owner])
}

export async function putQuota(tx: Tx, owner: string, quota: Quota | undefined): Promise<void> {
  if (quota === undefined) {
    await tx.run('DELETE FROM streams_quota WHERE owner = $1', [owner])
    return
  }
  await tx.run(
    `INSERT INTO streams_quota (owner, streams, bytes) VALUES ($1, $2, $3)
     ON CONFLICT (owner) DO UPDATE SET streams = excluded.streams, bytes = excluded.bytes`,
    [owner, quota.streams, quota.bytes],
  )
}

/** What counts against an owner's quota: the streams that she pays for. */
export async function usedBy(tx: ReadTx, owner: string): Promise<Quota> {
  const row = await tx.get<Quota>(
    `SELECT count(*) AS streams, CAST(coalesce(sum(bytes), 0) AS BIGINT) AS bytes FROM streams_stream WHERE payer = $1`,
    [owner],
  )
  return { streams: row?.streams ?? 0, bytes: row?.bytes ?? 0 }
}
