/** Blocks of the current commit: tree nodes and records. Store only. */
import { cidKey } from '@leaf/atproto/cid'
import { Corruption } from '../../kernel/errors.ts'
import type { ReadTx, SqlValue, Tx } from '../../kernel/storage/database.ts'
import { inPieces, rowsOf } from './pieces.ts'

/** Reads blocks of one account within a transaction. CIDs are 36 bytes. */
export interface BlockReader {
  load(cid: Uint8Array): Promise<Uint8Array | undefined>
  /** In the order of `cids`; undefined for one that is not there. */
  loadMany(cids: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]>
}

/** The blocks of an account, for as long as `tx` lasts. `loadMany` is a `BlockLoader` of `@leaf/atproto`. */
export function blockLoader(tx: ReadTx, account: number): BlockReader {
  const load = async (cid: Uint8Array) => {
    const row = await tx.get<{ bytes: Uint8Array }>(
      'SELECT bytes FROM pds_blocks WHERE account = $1 AND cid = $2',
      [account, cid],
    )
    return row?.bytes
  }
  return {
    load,
    loadMany: async cids => {
      const [first] = cids
      if (first !== undefined && cids.length === 1) return [await load(first)]
      const found = new Map<string, Uint8Array>()
      for (const piece of inPieces(cids)) {
        const rows = await tx.all<{ cid: Uint8Array; bytes: Uint8Array }>(
          `SELECT cid, bytes FROM pds_blocks WHERE account = $1 AND cid IN ${rowsOf(1, piece.length, 2)}`,
          [account, ...piece],
        )
        for (const row of rows) found.set(cidKey(row.cid), row.bytes)
      }
      return cids.map(cid => found.get(cidKey(cid)))
    },
  }
}

/** A block that gains (or, below zero, loses) uses. `bytes` is needed where it gains some. */
export interface BlockUse {
  readonly cid: Uint8Array
  readonly bytes: Uint8Array | undefined
  readonly uses: number
}

/** Adds up the uses of each block, so that one that is dropped and taken up again is left alone. */
export function sumUses(uses: Iterable<BlockUse>): readonly BlockUse[] {
  const sums = new Map<string, { cid: Uint8Array; bytes: Uint8Array | undefined; uses: number }>()
  for (const use of uses) {
    const key = cidKey(use.cid)
    const sum = sums.get(key)
    if (sum === undefined) sums.set(key, { ...use })
    else {
      sum.uses += use.uses
      sum.bytes ??= use.bytes
    }
  }
  return [...sums.values()].filter(sum => sum.uses !== 0)
}

/** Brings the blocks to their new uses: stores new ones, deletes those whose last use went. No CID may come twice. */
export async function changeBlocks(
  tx: Tx,
  account: number,
  rev: string,
  changes: readonly BlockUse[],
): Promise<void> {
  const gained = changes.filter(change => change.uses > 0)
  for (const piece of inPieces(gained)) {
    const values: SqlValue[] = [account, rev]
    for (const { cid, uses, bytes } of piece) {
      if (bytes === undefined) throw new Corruption('a block that is used more often has no bytes')
      values.push(cid, uses, bytes)
    }
    await tx.run(insertSql(piece.length), values)
  }
  const lost = changes.filter(change => change.uses < 0)
  await dropOnce(
    tx,
    account,
    lost.filter(change => change.uses === -1).map(change => change.cid),
  )
  for (const { cid, uses } of lost.filter(change => change.uses < -1)) await drop(tx, account, cid, -uses)
}

const insertSqls = new Map<number, string>()

function insertSql(rows: number): string {
  const known = insertSqls.get(rows)
  if (known !== undefined) return known
  const tuples = Array.from(
    { length: rows },
    (_, row) => `($1, $2, $${3 + row * 3}, $${4 + row * 3}, $${5 + row * 3})`,
  )
  const sql = `INSERT INTO pds_blocks (account, rev, cid, refs, bytes) VALUES ${tuples.join(', ')}
     ON CONFLICT (account, cid) DO UPDATE SET refs = pds_blocks.refs + excluded.refs`
  insertSqls.set(rows, sql)
  return sql
}

// Most blocks are used once: they go in one statement. Those that it left have further uses, and lose one.
async function dropOnce(tx: Tx, account: number, cids: readonly Uint8Array[]): Promise<void> {
  for (const piece of inPieces(cids)) {
    const among = `account = $1 AND cid IN ${rowsOf(1, piece.length, 2)}`
    const values = [account, ...piece]
    const deleted = await tx.run(`DELETE FROM pds_blocks WHERE ${among} AND refs = 1`, values)
    if (deleted.changes === piece.length) continue
    const lowered = await tx.run(`UPDATE pds_blocks SET refs = refs - 1 WHERE ${among}`, values)
    if (deleted.changes + lowered.changes !== piece.length) throw missing(account)
  }
}

async function drop(tx: Tx, account: number, cid: Uint8Array, uses: number): Promise<void> {
  const lowered = await tx.run(
    'UPDATE pds_blocks SET refs = refs - $3 WHERE account = $1 AND cid = $2 AND refs >= $3',
    [account, cid, uses],
  )
  if (lowered.changes !== 1) throw missing(account)
  await tx.run('DELETE FROM pds_blocks WHERE account = $1 AND cid = $2 AND refs = 0', [account, cid])
}

function missing(account: number): Corruption {
  return new Corruption(`a block that account ${account} gives up is not stored`)
}

/** Deletes every block of an account. */
export async function deleteBlocks(tx: Tx, account: number): Promise<void> {
  await tx.run('DELETE FROM pds_blocks WHERE account = $1', [account])
}
