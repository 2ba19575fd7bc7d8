/**
 * A repository on its way in. Its rows stand under a stage, a negative number in place of an account's, where nobody
 * looks, until all of it is there and right; then they change hands in one transaction. Store only.
 */
import type { ReadTx, SqlValue, Tx } from '../../kernel/storage/database.ts'
import { changeRecords, type RecordChange } from './records.ts'
import { inPieces, rowsOf } from './pieces.ts'

/** Every table that an import has rows in. */
const tables = ['pds_blocks', 'pds_records', 'pds_backlinks', 'pds_blob_refs'] as const

/** Adds blocks that nothing uses yet. */
export async function stageBlocks(
  tx: Tx,
  stage: number,
  blocks: readonly { readonly cid: Uint8Array; readonly bytes: Uint8Array }[],
): Promise<void> {
  for (const piece of inPieces(blocks)) {
    const values: SqlValue[] = [stage]
    const tuples: string[] = []
    for (const { cid, bytes } of piece) {
      const at = values.push(cid, bytes)
      tuples.push(`($1, $${at - 1}, '', 0, $${at})`)
    }
    await tx.run(
      `INSERT INTO pds_blocks (account, cid, rev, refs, bytes) VALUES ${tuples.join(', ')}
       ON CONFLICT (account, cid) DO NOTHING`,
      values,
    )
  }
}

/** Counts one use for each of these blocks, as often as it is named. */
export async function countUses(tx: Tx, stage: number, cids: readonly Uint8Array[]): Promise<void> {
  const rounds: Map<string, Uint8Array>[] = []
  for (const cid of cids) {
    const key = Buffer.from(cid).toString('latin1')
    let round = 0
    while (rounds[round]?.has(key) === true) round += 1
    const map = rounds[round] ?? new Map<string, Uint8Array>()
    rounds[round] = map.set(key, cid)
  }
  for (const round of rounds) {
    for (const piece of inPieces([...round.values()])) {
      await tx.run(
        `UPDATE pds_blocks SET refs = refs + 1 WHERE account = $1 AND cid IN ${rowsOf(1, piece.length, 2)}`,
        [stage, ...piece],
      )
    }
  }
}

/** Adds records. */
export async function stageRecords(
  tx: Tx,
  stage: number,
  records: readonly RecordChange[],
  nowMs: number,
): Promise<void> {
  await changeRecords(tx, stage, { rev: '', nowMs }, records)
}

/** How many records there are under the stage. */
export async function countStaged(tx: ReadTx, stage: number): Promise<number> {
  const row = await tx.get<{ count: number }>(
    'SELECT count(*) AS count FROM pds_records WHERE account = $1',
    [stage],
  )
  return row?.count ?? 0
}

/** The account's repository is replaced by what stands under the stage and is in use. */
export async function adoptStage(tx: Tx, stage: number, account: number, rev: string): Promise<void> {
  for (const table of tables) await tx.run(`DELETE FROM ${table} WHERE account = $1`, [account])
  await tx.run('DELETE FROM pds_blocks WHERE account = $1 AND refs = 0', [stage])
  for (const table of ['pds_blocks', 'pds_records']) {
    await tx.run(`UPDATE ${table} SET account = $2, rev = $3 WHERE account = $1`, [stage, account, rev])
  }
  for (const table of ['pds_backlinks', 'pds_blob_refs']) {
    await tx.run(`UPDATE ${table} SET account = $2 WHERE account = $1`, [stage, account])
  }
}

/** Removes some of what stands under a stage; gives false when nothing is left. */
export async function clearStage(tx: Tx, stage: number, limit: number): Promise<boolean> {
  for (const table of ['pds_blocks', 'pds_records']) {
    const among = `SELECT id FROM ${table} WHERE account = $1 LIMIT $2`
    const { changes } = await tx.run(`DELETE FROM ${table} WHERE id IN (${among})`, [stage, limit])
    if (changes > 0) return true
  }
  for (const table of ['pds_backlinks', 'pds_blob_refs']) {
    await tx.run(`DELETE FROM ${table} WHERE account = $1`, [stage])
  }
  return false
}

/** A stage that has rows, or undefined. */
export async function anyStage(tx: ReadTx): Promise<number | undefined> {
  for (const table of tables) {
    const row = await tx.get<{ stage: number }>(
      `SELECT account AS stage FROM ${table} WHERE account < 0 ORDER BY account LIMIT 1`,
    )
    if (row !== undefined) return row.stage
  }
  return undefined
}
