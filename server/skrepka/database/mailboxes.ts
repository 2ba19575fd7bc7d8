/** Rows of mailboxes, and of the mail that they had. */
import type { ReadTx, SqlValue, Tx } from '../../kernel/storage/database.ts'
import type { KeyHex } from '../contract.ts'
import { inPieces, placesOf, valuesOf } from './many.ts'

/** A mailbox. Numbers on the wire are these plus `shift`. */
export interface Box {
  readonly id: number
  readonly key: KeyHex
  /** The number of the last message ever. */
  last: number
  /** No message up to this number is left. */
  acked: number
  shift: number
  /** Bytes that wait. */
  bytes: number
  /** Messages that wait. */
  count: number
}

interface BoxRow extends Omit<Box, 'key'> {
  readonly mailbox_key: Uint8Array
}

const columns = 'id, mailbox_key, last, acked, shift, bytes, count'

function boxOf({ id, mailbox_key: key, last, acked, shift, bytes, count }: BoxRow): Box {
  return { id, key: Buffer.from(key).toString('hex'), last, acked, shift, bytes, count }
}

const oneSql = `SELECT ${columns} FROM skrepka_mailbox WHERE mailbox_key = $1`

/** The mailbox of a key, if it ever had mail. */
export async function readBox(tx: Pick<ReadTx, 'get'>, key: KeyHex): Promise<Box | undefined> {
  const row = await tx.get<BoxRow>(oneSql, [Buffer.from(key, 'hex')])
  return row === undefined ? undefined : boxOf(row)
}

/** The mailboxes of these keys, as far as there are any. */
export async function readBoxes(tx: Pick<ReadTx, 'all'>, keys: readonly KeyHex[]): Promise<Box[]> {
  const boxes: Box[] = []
  await inPieces({
    name: 'boxes',
    rows: keys,
    build: count => `SELECT ${columns} FROM skrepka_mailbox WHERE mailbox_key IN ${valuesOf(1, count)}`,
    run: async (sql, piece) => {
      const rows = await tx.all<BoxRow>(
        sql,
        piece.map(key => Buffer.from(key, 'hex')),
      )
      for (const row of rows) boxes.push(boxOf(row))
    },
  })
  return boxes
}

/** Makes empty mailboxes for keys that have none. */
export async function insertBoxes(tx: Tx, keys: readonly KeyHex[]): Promise<Box[]> {
  const boxes: Box[] = []
  await inPieces({
    name: 'new boxes',
    rows: keys,
    build: count =>
      `INSERT INTO skrepka_mailbox (mailbox_key, last, acked, shift, bytes, count)
      VALUES ${placesOf(count, 1, places => `(${places[0]}, 0, 0, 0, 0, 0)`).join(', ')} RETURNING ${columns}`,
    run: async (sql, piece) => {
      const rows = await tx.all<BoxRow>(
        sql,
        piece.map(key => Buffer.from(key, 'hex')),
      )
      for (const row of rows) boxes.push(boxOf(row))
    },
  })
  return boxes
}

const saveTail = `ON CONFLICT (mailbox_key) DO UPDATE SET last = excluded.last, acked = excluded.acked,
  shift = excluded.shift, bytes = excluded.bytes, count = excluded.count`

/** Writes mailboxes that changed; all of them are there. */
export async function saveBoxes(tx: Tx, boxes: readonly Box[]): Promise<void> {
  await inPieces({
    name: 'save boxes',
    rows: boxes,
    build: count =>
      `INSERT INTO skrepka_mailbox (mailbox_key, last, acked, shift, bytes, count)
      VALUES ${valuesOf(count, 6)} ${saveTail}`,
    run: async (sql, piece) => {
      const params: SqlValue[] = []
      for (const { key, last, acked, shift, bytes, count } of piece) {
        params.push(Buffer.from(key, 'hex'), last, acked, shift, bytes, count)
      }
      await tx.run(sql, params)
    },
  })
}

/** How many mailboxes there are, and how much waits in them. */
export async function countMail(
  tx: Pick<ReadTx, 'get'>,
): Promise<{ readonly mailboxes: number; readonly pending: number; readonly bytes: number }> {
  const row = await tx.get<{ mailboxes: number; pending: number; bytes: number }>(
    `SELECT COUNT(*) AS mailboxes, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS pending,
      CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM skrepka_mailbox WHERE count > 0`,
  )
  return row ?? { mailboxes: 0, pending: 0, bytes: 0 }
}
