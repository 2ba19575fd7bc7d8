/**
 * What a cursor acknowledges, and what it is answered with. A cursor that this mailbox gave acknowledges everything up to
 * it. Any other one (of another relay, of the future) acknowledges nothing: what waits is numbered above it, so that
 * cursors only rise for that client, and nothing that it was not shown is deleted.
 */
import type { Clock } from '../../kernel/clock.ts'
import type { Tx } from '../../kernel/storage/database.ts'
import type { KeyHex } from '../contract.ts'
import type { Box } from '../database/mailboxes.ts'
import {
  deleteUpTo,
  markGiven,
  type MessageHead,
  type MessageRow,
  readFirst,
  readGiven,
  readHeads,
  readPage,
  type Removed,
} from '../database/messages.ts'
import type { Boxes } from './boxes.ts'

/** An answer: mail in its order, and the cursor after it. */
export interface Page {
  readonly events: readonly MessageHead[]
  readonly cursor: number
  /** Of the mailbox; 0 when there is none. */
  readonly box: number
  /** What is added to a number to make it a cursor. */
  readonly shift: number
  /** The same events with their blobs, when they are small together; else they are read one by one. */
  readonly rows: readonly MessageRow[] | undefined
}

export interface CollectRules {
  readonly strictSeedAck: boolean
  readonly eventsMax: number
  /** Of the blobs of a page; one alone may be larger. */
  readonly bytesMax: number
  /** Of the blobs of a page that is read at once. */
  readonly smallBytesMax: number
  readonly messageMaxAge: number
}

/** Cursors stay safe integers, whatever a client does to its own mailbox. */
const cursorMax = 2 ** 52

export interface Collector {
  /** Whether a look at this mailbox finds nothing to do for a cursor: nothing waits, and nothing is acknowledged. */
  isIdle(box: Readonly<Box> | undefined, cursor: number): boolean
  /** The cursor that an empty page has: not beyond any that we could have given. */
  clamp(box: Readonly<Box> | undefined, cursor: number): number
  /** Acknowledges, then reads a page after the cursor. */
  collect(key: KeyHex, cursor: number): Promise<Page>
  /** Acknowledges only. */
  ack(key: KeyHex, cursor: number): Promise<void>
  /**
   * A page after a position that was given before, without acknowledging; from the beginning when it was not. Each of
   * its events may be taken as a cursor.
   */
  peek(key: KeyHex, position: number): Promise<Page>
}

export interface CollectDependencies {
  readonly rules: CollectRules
  readonly clock: Clock
  readonly boxes: Boxes
  /** In the transaction that removes mail. */
  readonly forget: (tx: Tx, box: number, seqs: readonly number[]) => Promise<void>
  /** After that commit. */
  readonly dropBlobs: (refs: readonly string[]) => void
  /** After that commit: mail of this key was acknowledged. */
  readonly acked: (key: KeyHex) => void
}

interface Acked {
  /** The cursor without the shift. */
  readonly after: number
  /** Of blobs whose mail was removed; undefined: none was. */
  readonly refs: readonly string[] | undefined
}

export function createCollector(deps: CollectDependencies): Collector {
  const { rules, clock, boxes, forget } = deps

  const clamp: Collector['clamp'] = (box, cursor) => {
    const last = box === undefined ? 0 : box.last + box.shift
    return Math.max(0, Math.min(cursor, Math.max(clock.now(), last)))
  }

  /** Applies a cursor to a mailbox. */
  const acknowledge = async (tx: Tx, box: Box, asked: number): Promise<Acked> => {
    const cursor = clamp(box, asked)
    const number = cursor - box.shift
    if (number <= box.acked || box.count === 0) return { after: raise(box, cursor), refs: undefined }
    // One of the future was not given, even if the last one that was is what it is clamped to.
    const isGiven = asked === cursor && (await readGiven(tx, box.id, number)) === box.shift
    if (rules.strictSeedAck || isGiven) {
      const refs = await remove(tx, box, number)
      return { after: raise(box, cursor), refs }
    }
    const first = await readFirst(tx, box.id)
    if (first !== undefined && first <= number) {
      const shift = box.shift + number - first + 1
      // Only somebody who does it on purpose, for years, to a mailbox of its own comes here: it sees all of it again.
      if (shift + box.last > cursorMax) return { after: first - 1, refs: undefined }
      box.shift = shift
    }
    return { after: raise(box, cursor), refs: undefined }
  }

  const remove = async (tx: Tx, box: Box, upTo: number): Promise<readonly string[]> => {
    const removed = await deleteUpTo(tx, box.id, upTo)
    takeOut(box, removed)
    box.acked = Math.max(box.acked, upTo)
    if (removed.length > 0) {
      await forget(
        tx,
        box.id,
        removed.map(one => one.seq),
      )
    }
    return removed.flatMap(one => one.blob_ref ?? [])
  }

  const readAfter = async (tx: Tx, box: Box, after: number, everyIsGiven = false): Promise<Page> => {
    const empty: Page = { ...nothing, cursor: Math.max(0, after + box.shift), box: box.id, shift: box.shift }
    if (box.count === 0) return empty
    const range = { box: box.id, after, storedAfter: clock.now() - rules.messageMaxAge }
    const { heads: events, bytes } = withinBytes(
      await readHeads(tx, { ...range, limit: rules.eventsMax }),
      rules.bytesMax,
    )
    const last = events.at(-1)
    if (last === undefined) return empty
    for (const event of everyIsGiven ? events : [last]) {
      if (event.given !== box.shift) await markGiven(tx, box.id, event.seq, box.shift)
    }
    const rows =
      bytes > rules.smallBytesMax ? undefined : await readPage(tx, { ...range, limit: events.length })
    return { ...empty, events, rows, cursor: last.seq + box.shift }
  }

  const within = async <T>(key: KeyHex, cursor: number, fn: (tx: Tx, box: Box | undefined) => Promise<T>) =>
    // A cursor above all that was given must be remembered, so that what comes next is above it.
    boxes.change(
      () => [key],
      { create: cursor > 0, locks: [key] },
      (tx, map) => fn(tx, map.get(key)),
    )

  const tellAcked = (key: KeyHex, refs: readonly string[]) => {
    deps.dropBlobs(refs)
    deps.acked(key)
  }

  return {
    clamp,
    isIdle: (box, cursor) => {
      if (box === undefined) return cursor <= 0
      return box.count === 0 && clamp(box, cursor) <= box.last + box.shift
    },
    collect: async (key, cursor) => {
      const { page, refs } = await within(key, cursor, async (tx, box) => {
        if (box === undefined) return { page: { ...nothing, cursor: clamp(box, cursor) }, refs: undefined }
        const acked = await acknowledge(tx, box, cursor)
        return { page: await readAfter(tx, box, acked.after), refs: acked.refs }
      })
      if (refs !== undefined) tellAcked(key, refs)
      return page
    },
    ack: async (key, cursor) => {
      const { refs } = await within(key, cursor, async (tx, box) =>
        box === undefined ? noAck : acknowledge(tx, box, cursor),
      )
      if (refs !== undefined) tellAcked(key, refs)
    },
    peek: (key, position) =>
      within(key, 0, async (tx, box) => {
        if (box === undefined) return nothing
        const number = position - box.shift
        const isGiven = number <= box.acked || (await readGiven(tx, box.id, number)) === box.shift
        return readAfter(tx, box, isGiven ? Math.max(number, box.acked) : box.acked, true)
      }),
  }
}

/** Sees to it that numbers to come lie above a cursor; gives the cursor as a number. */
function raise(box: Box, cursor: number): number {
  const number = cursor - box.shift
  if (number > box.last) box.last = number
  return number
}

/** Takes mail that is gone out of a mailbox's sums. */
export function takeOut(box: Box, removed: readonly Removed[]): void {
  for (const { size } of removed) {
    box.count = Math.max(0, box.count - 1)
    box.bytes = Math.max(0, box.bytes - size)
  }
}

function withinBytes(
  heads: readonly MessageHead[],
  bytesMax: number,
): { readonly heads: readonly MessageHead[]; readonly bytes: number } {
  let bytes = 0
  let end = 0
  for (const { size } of heads) {
    if (end > 0 && bytes + size > bytesMax) break
    bytes += size
    end += 1
  }
  return { heads: end === heads.length ? heads : heads.slice(0, end), bytes }
}

const noAck: Acked = { after: 0, refs: undefined }

const nothing: Page = { events: [], cursor: 0, box: 0, shift: 0, rows: undefined }
