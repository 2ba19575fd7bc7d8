/** Mail on its way to peers, in SQL: what is pending, and what they have. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'
import type { KeyHex, PendingMessage, ServerName } from '../contract.ts'
import { keyBytes, keyHex } from './presence-store.ts'

const pending = 0
const taken = 1
const refused = 2
const resting = 3

/** A message that waits to be forwarded to one server. */
export interface Forward extends PendingMessage {
  readonly server: ServerName
  readonly key: KeyHex
  /** Whether the presence that it follows has a proof. */
  readonly proven: boolean
}

/** Plans a forward. Gives whether it is new: not when that server was sent the message before, or gave it to us. */
export async function planForward(
  tx: Pick<Tx, 'run'>,
  forward: { readonly server: ServerName; readonly key: KeyHex; readonly message: PendingMessage },
): Promise<boolean> {
  const { server, key, message } = forward
  const { changes } = await tx.run(
    `INSERT INTO skrepka_forward (server, box, hash, seq, mailbox_key, bytes, state, at, proven)
     VALUES ($1, $2, $3, $4, $5, $6, ${pending}, 0, 0) ON CONFLICT (server, box, hash) DO NOTHING`,
    [server, message.box, message.hash, message.seq, keyBytes(key), message.bytes],
  )
  return changes > 0
}

/** Notes that a server has a message, because it came from there. */
export async function noteTaken(
  tx: Pick<Tx, 'run'>,
  forward: {
    readonly server: ServerName
    readonly key: KeyHex
    readonly message: PendingMessage
    readonly nowMs: number
  },
): Promise<void> {
  const { server, key, message, nowMs } = forward
  await tx.run(
    `INSERT INTO skrepka_forward (server, box, hash, seq, mailbox_key, bytes, state, at, proven)
     VALUES ($1, $2, $3, $4, $5, $6, ${taken}, $7, 0) ON CONFLICT (server, box, hash) DO NOTHING`,
    [server, message.box, message.hash, message.seq, keyBytes(key), message.bytes, nowMs],
  )
}

/** How many messages wait for a server, counted up to `max`. */
export async function countPending(
  tx: Pick<ReadTx, 'get'>,
  server: ServerName,
  max: number,
): Promise<number> {
  const sql = `SELECT COUNT(*) AS n FROM
    (SELECT 1 AS one FROM skrepka_forward WHERE server = $1 AND state = ${pending} LIMIT $2) AS counted`
  return (await tx.get<{ n: number }>(sql, [server, max]))?.n ?? 0
}

/** All that wait, of every server. */
export async function countAllPending(tx: Pick<ReadTx, 'get'>): Promise<number> {
  const sql = `SELECT COUNT(*) AS n FROM skrepka_forward WHERE state = ${pending}`
  return (await tx.get<{ n: number }>(sql))?.n ?? 0
}

interface Row {
  readonly server: string
  readonly box: number
  readonly hash: Uint8Array
  readonly seq: number
  readonly mailbox_key: Uint8Array
  readonly bytes: number
  readonly proof_at: number | null
}

/**
 * What may go to a server now, in the order of mailboxes and their numbers: only for keys that are online there at
 * `nowMs`, and those without a proof only when `unproven`.
 */
export async function duePending(
  tx: Pick<ReadTx, 'all'>,
  of: {
    readonly server: ServerName
    readonly nowMs: number
    readonly unproven: boolean
    readonly limit: number
  },
): Promise<readonly Forward[]> {
  const rows = await tx.all<Row>(
    `SELECT f.server, f.box, f.hash, f.seq, f.mailbox_key, f.bytes, p.proof_at FROM skrepka_forward f
     JOIN skrepka_presence p ON p.server = f.server AND p.mailbox_key = f.mailbox_key
     WHERE f.server = $1 AND f.state = ${pending} AND f.at <= $2 AND p.expires_at > $2
       AND (p.proof_at IS NOT NULL OR $3 = 1)
     ORDER BY f.box, f.seq LIMIT $4`,
    [of.server, of.nowMs, of.unproven ? 1 : 0, of.limit],
  )
  return rows.map(row => ({
    server: row.server,
    key: keyHex(row.mailbox_key),
    box: row.box,
    seq: row.seq,
    hash: row.hash,
    bytes: row.bytes,
    proven: row.proof_at !== null,
  }))
}

/** Servers for which something waits, in the order of names. */
export async function serversWaiting(tx: Pick<ReadTx, 'all'>): Promise<readonly ServerName[]> {
  const sql = `SELECT server FROM skrepka_peer p WHERE EXISTS
    (SELECT 1 FROM skrepka_forward f WHERE f.server = p.server AND f.state = ${pending}) ORDER BY server`
  return (await tx.all<{ server: string }>(sql)).map(row => row.server)
}

type Which = Pick<Forward, 'server' | 'box' | 'hash'>
const where = 'WHERE server = $1 AND box = $2 AND hash = $3'

/** The server took it. */
export async function markTaken(tx: Pick<Tx, 'run'>, forward: Forward, nowMs: number): Promise<void> {
  const { server, box, hash, proven } = forward
  await tx.run(`UPDATE skrepka_forward SET state = ${taken}, at = $4, proven = $5 ${where}`, [
    server,
    box,
    hash,
    nowMs,
    proven ? 1 : 0,
  ])
}

/** The server will never take it. */
export async function markRefused(tx: Pick<Tx, 'run'>, { server, box, hash }: Which, nowMs: number) {
  await tx.run(`UPDATE skrepka_forward SET state = ${refused}, at = $4 ${where}`, [server, box, hash, nowMs])
}

/** Not before `atMs`. */
export async function postpone(tx: Pick<Tx, 'run'>, { server, box, hash }: Which, atMs: number) {
  await tx.run(`UPDATE skrepka_forward SET at = $4 ${where}`, [server, box, hash, atMs])
}

/** One more try failed; after `attemptsMax` it rests until its recipient is announced again. */
export async function countAttempt(tx: Pick<Tx, 'run'>, { server, box, hash }: Which, attemptsMax: number) {
  await tx.run(
    `UPDATE skrepka_forward SET attempts = attempts + 1,
       state = CASE WHEN attempts + 1 >= $4 THEN ${resting} ELSE state END ${where} AND state = ${pending}`,
    [server, box, hash, attemptsMax],
  )
}

/** Takes back what rests for a mailbox at a server: its recipient was announced again. */
export async function wakeResting(tx: Pick<Tx, 'run'>, server: ServerName, box: number): Promise<void> {
  await tx.run(
    `UPDATE skrepka_forward SET state = ${pending}, attempts = 0, at = 0
     WHERE server = $1 AND box = $2 AND state = ${resting}`,
    [server, box],
  )
}

/** A key is not at a server any more: what waited for it there does not. What the server took is still known. */
export async function dropPending(tx: Pick<Tx, 'run'>, server: ServerName, box: number): Promise<void> {
  await tx.run(
    `DELETE FROM skrepka_forward WHERE server = $1 AND box = $2 AND state IN (${pending}, ${resting})`,
    [server, box],
  )
}

/** The mail is gone from here. */
export async function dropMessage(tx: Pick<Tx, 'run'>, box: number, seq: number): Promise<void> {
  await tx.run('DELETE FROM skrepka_forward WHERE box = $1 AND seq = $2', [box, seq])
}

/** Mail that a server took, on a proof, at or before `atMs`; at most `limit`, ascending. */
export async function takenBefore(
  tx: Pick<ReadTx, 'all'>,
  atMs: number,
  limit: number,
): Promise<readonly { readonly box: number; readonly seq: number; readonly key: KeyHex }[]> {
  const rows = await tx.all<{ box: number; seq: number; mailbox_key: Uint8Array }>(
    `SELECT DISTINCT box, seq, mailbox_key FROM skrepka_forward
     WHERE state = ${taken} AND proven = 1 AND at <= $1 ORDER BY box, seq LIMIT $2`,
    [atMs, limit],
  )
  return rows.map(row => ({ box: row.box, seq: row.seq, key: keyHex(row.mailbox_key) }))
}

/** Mail that was taken is not to be let go before its time. */
export async function keepTaken(tx: Pick<Tx, 'run'>, box: number, seq: number): Promise<void> {
  await tx.run(`UPDATE skrepka_forward SET proven = 0 WHERE box = $1 AND seq = $2 AND state = ${taken}`, [
    box,
    seq,
  ])
}
