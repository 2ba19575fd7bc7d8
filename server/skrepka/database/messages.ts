/** Rows of mail that waits, and of mail that was seen. */
import type { ReadTx, SqlValue, Tx } from '../../kernel/storage/database.ts'
import { inPieces, placesOf, valuesOf } from './many.ts'

/** Mail to be stored. */
export interface NewMessage {
  readonly box: number
  readonly seq: number
  readonly hash: Uint8Array
  /** Of the blob, before it was sealed. */
  readonly size: number
  readonly given: number | null
  readonly storedAt: number
  readonly sealed: boolean
  /** Undefined: under `ref` in the blob store. */
  readonly blob: Uint8Array | undefined
  readonly ref: string | undefined
}

/** Mail without its blob. */
export interface MessageHead {
  readonly seq: number
  readonly hash: Uint8Array
  readonly size: number
  readonly given: number | null
}

/** Mail as it is read. */
export interface MessageRow extends MessageHead {
  readonly sealed: number
  readonly blob: Uint8Array | null
  readonly blob_ref: string | null
}

/** Bytes of a hash that are enough to know mail again. */
export const seenHashBytes = 16

export async function insertMessages(tx: Tx, messages: readonly NewMessage[]): Promise<void> {
  await inPieces({
    name: 'messages',
    rows: messages,
    build: count =>
      `INSERT INTO skrepka_message (box, seq, hash, size, given, stored_at, sealed, blob, blob_ref)
      VALUES ${valuesOf(count, 9)}`,
    run: async (sql, piece) => {
      const params: SqlValue[] = []
      for (const one of piece) {
        const { box, seq, hash, size, given, storedAt, sealed, blob, ref } = one
        params.push(box, seq, hash, size, given, storedAt, sealed ? 1 : 0, blob ?? null, ref ?? null)
      }
      await tx.run(sql, params)
    },
  })
}

/** Mail by its mailbox and the beginning of its hash. */
export interface Seen {
  readonly box: number
  /** `seenHashBytes` long. */
  readonly hash: Uint8Array
}

export async function insertSeen(tx: Tx, seen: readonly Seen[], expiresAt: number): Promise<void> {
  await inPieces({
    name: 'seen',
    rows: seen,
    build: count => `INSERT INTO skrepka_seen (box, hash, expires_at) VALUES ${valuesOf(count, 3)}`,
    run: async (sql, piece) => {
      const params: SqlValue[] = []
      for (const { box, hash } of piece) params.push(box, hash, expiresAt)
      await tx.run(sql, params)
    },
  })
}

/** Those of `wanted` that were seen. */
export async function readSeen(tx: Pick<ReadTx, 'all'>, wanted: readonly Seen[]): Promise<Seen[]> {
  const found: Seen[] = []
  await inPieces({
    name: 'was seen',
    rows: wanted,
    build: count =>
      `SELECT box, hash FROM skrepka_seen WHERE ${placesOf(
        count,
        2,
        places => `(box = ${places[0]} AND hash = ${places[1]})`,
      ).join(' OR ')}`,
    run: async (sql, piece) => {
      const params: SqlValue[] = []
      for (const { box, hash } of piece) params.push(box, hash)
      for (const row of await tx.all<Seen>(sql, params)) found.push(row)
    },
  })
  return found
}

const pageSql = `SELECT seq, hash, size, given, sealed, blob, blob_ref FROM skrepka_message
  WHERE box = $1 AND seq > $2 AND stored_at > $3 ORDER BY seq LIMIT $4`

/** Mail with a number above `after` that was stored after `storedAfter`, ascending. */
export function readPage(
  tx: Pick<ReadTx, 'all'>,
  page: {
    readonly box: number
    readonly after: number
    readonly storedAfter: number
    readonly limit: number
  },
): Promise<MessageRow[]> {
  return tx.all<MessageRow>(pageSql, [page.box, page.after, page.storedAfter, page.limit])
}

/** The same without blobs. */
export function readHeads(
  tx: Pick<ReadTx, 'all'>,
  page: {
    readonly box: number
    readonly after: number
    readonly storedAfter: number
    readonly limit: number
  },
): Promise<MessageHead[]> {
  return tx.all(
    `SELECT seq, hash, size, given FROM skrepka_message
    WHERE box = $1 AND seq > $2 AND stored_at > $3 ORDER BY seq LIMIT $4`,
    [page.box, page.after, page.storedAfter, page.limit],
  )
}

export function readMessage(
  tx: Pick<ReadTx, 'get'>,
  box: number,
  seq: number,
): Promise<(MessageRow & { readonly stored_at: number }) | undefined> {
  return tx.get(
    `SELECT seq, hash, size, given, sealed, blob, blob_ref, stored_at FROM skrepka_message
    WHERE box = $1 AND seq = $2`,
    [box, seq],
  )
}

/** With which shift a number was given as a cursor; null: it was not. Undefined: there is no such mail. */
export async function readGiven(
  tx: Pick<ReadTx, 'get'>,
  box: number,
  seq: number,
): Promise<number | null | undefined> {
  const row = await tx.get<{ given: number | null }>(
    'SELECT given FROM skrepka_message WHERE box = $1 AND seq = $2',
    [box, seq],
  )
  return row?.given
}

/** Notes that a number was given as a cursor. */
export async function markGiven(tx: Tx, box: number, seq: number, shift: number): Promise<void> {
  await tx.run('UPDATE skrepka_message SET given = $1 WHERE box = $2 AND seq = $3', [shift, box, seq])
}

/** The lowest number that waits. */
export async function readFirst(tx: Pick<ReadTx, 'get'>, box: number): Promise<number | undefined> {
  const row = await tx.get<{ seq: number }>(
    'SELECT seq FROM skrepka_message WHERE box = $1 ORDER BY seq LIMIT 1',
    [box],
  )
  return row?.seq
}

/** What is left of mail that is gone. */
export interface Removed {
  readonly seq: number
  readonly size: number
  readonly blob_ref: string | null
}

/** Removes a mailbox's mail up to a number, inclusive. */
export function deleteUpTo(tx: Tx, box: number, seq: number): Promise<Removed[]> {
  return tx.all('DELETE FROM skrepka_message WHERE box = $1 AND seq <= $2 RETURNING seq, size, blob_ref', [
    box,
    seq,
  ])
}
