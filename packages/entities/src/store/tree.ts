/**
 * Sums over ranges of keys, kept up to date with every entry: a skip list of sums. An entry whose hash says so begins a
 * node of the next level, one in 64 on average; the sum of a node covers everything up to the next node of its level.
 * So an entry changes one node a level, and any range is a few whole nodes and two edges.
 */
import { compareBytes } from '../willow/path.ts'
import type { EntryRow, NodeRow, ReadRows, WriteRows } from './backing.ts'
import { nameOf } from './keys.ts'
import { addSums, subtractSums, zeroSum } from './sum.ts'

/** Levels above the entries; 64^4 entries fill them. */
export const levels = 4
const bitsALevel = 6

export interface Total {
  readonly sum: Uint8Array
  readonly count: number
  readonly bytes: number
}

export const noTotal: Total = { sum: zeroSum, count: 0, bytes: 0 }

export function addTotals(a: Total, b: Total): Total {
  return { sum: addSums(a.sum, b.sum), count: a.count + b.count, bytes: a.bytes + b.bytes }
}

function subtractTotals(a: Total, b: Total): Total {
  return { sum: subtractSums(a.sum, b.sum), count: a.count - b.count, bytes: a.bytes - b.bytes }
}

export function totalOfEntry({ hash, bytes }: Pick<EntryRow, 'hash' | 'bytes'>): Total {
  return { sum: hash, count: 1, bytes }
}

/**
 * On how many levels an entry begins a node. The salt is the store's own: whoever makes entries cannot choose where nodes
 * begin.
 */
export function levelOf(hash: Uint8Array, salt: Uint8Array): number {
  // The first bytes of the hash, mixed with the salt by a small keyed hash: FNV with a finaliser is enough for balance
  // against those who do not know the salt.
  let mixed = 0x811c9dc5
  for (let at = 0; at < 16; at++) {
    mixed = Math.imul(mixed ^ (hash[at] as number) ^ (salt[at] as number), 0x01000193)
    mixed ^= mixed >>> 15
  }
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  mixed ^= mixed >>> 16
  let level = 0
  while (level < levels && ((mixed >>> (level * bitsALevel)) & 63) === 0) level += 1
  return level
}

/** `start` and `end` are the first key of a tree and the first one after it: one tree a namespace. */
export interface TreeBounds {
  readonly start: Uint8Array
  readonly end: Uint8Array
}

/** A range within a tree. */
export interface Bounds {
  readonly tree: TreeBounds
  readonly start: Uint8Array
  readonly end: Uint8Array
}

export interface TreeChange {
  readonly bounds: TreeBounds
  readonly salt: Uint8Array
  /** Rows that were put already. */
  readonly added: readonly EntryRow[]
  /** Rows that were deleted already. */
  readonly removed: readonly EntryRow[]
}

interface Change {
  readonly key: Uint8Array
  readonly height: number
  readonly total: Total
  readonly added: boolean
}

/** Brings the nodes up to date with entries that were put and deleted, level by level from the bottom. */
export async function changeTree(rows: WriteRows, change: TreeChange): Promise<void> {
  const { bounds, salt } = change
  const toChange = (row: EntryRow, added: boolean): Change => ({
    key: row.key,
    height: levelOf(row.hash, salt),
    total: totalOfEntry(row),
    added,
  })
  const changes = [
    ...change.removed.map(row => toChange(row, false)),
    ...change.added.map(row => toChange(row, true)),
  ].sort((a, b) => compareBytes(a.key, b.key))
  if (changes.length === 0) return
  for (let level = 1; level <= levels; level++) await changeLevel(rows, bounds, level, changes)
}

/** A node and where the next one of its level begins. */
interface Span {
  readonly node: NodeRow
  readonly end: Uint8Array
}

async function changeLevel(
  rows: WriteRows,
  bounds: TreeBounds,
  level: number,
  changes: readonly Change[],
): Promise<void> {
  await moveBoundaries(rows, bounds, level, changes)
  const put = new Map<string, NodeRow>()
  const again = new Map<string, Span>()
  let span: Span | undefined
  for (const { key, total, added, height } of changes) {
    if (span === undefined || compareBytes(key, span.end) >= 0) span = await spanOf(rows, bounds, level, key)
    const name = nameOf(span.node.key)
    // Where a node begins or ended, differences do not tell how the rest is shared: it is summed up again.
    if (height >= level) again.set(name, span)
    const node = put.get(name) ?? span.node
    put.set(name, { ...node, ...(added ? addTotals(node, total) : subtractTotals(node, total)) })
    if (height >= level && compareBytes(key, bounds.start) > 0) {
      const left = await spanOf(rows, bounds, level, beforeKey(key))
      again.set(nameOf(left.node.key), left)
    }
  }
  for (const [name, { node, end }] of again)
    put.set(name, { ...node, ...(await totalBelow(rows, level, node.key, end)) })
  await rows.putNodes([...put.values()])
}

/** Deletes the nodes of entries that are gone, and begins empty ones for those that came. */
async function moveBoundaries(
  rows: WriteRows,
  bounds: TreeBounds,
  level: number,
  changes: readonly Change[],
): Promise<void> {
  const high = changes.filter(({ height }) => height >= level)
  // An entry that was replaced at its path is gone and come: what came counts.
  const came = new Set(high.filter(({ added }) => added).map(({ key }) => nameOf(key)))
  const gone = high.filter(({ added, key }) => !added && !came.has(nameOf(key)))
  await rows.deleteNodes(gone.map(({ key }) => ({ level, key })))
  const begun = high.filter(({ added }) => added).map(({ key }) => ({ level, key, ...noTotal }))
  if (begun.length > 0) await rows.putNodes(begun)
  const first = await rows.nodeBefore(level, bounds.start)
  if (first === undefined || compareBytes(first.key, bounds.start) !== 0)
    await rows.putNodes([{ level, key: bounds.start, ...noTotal }])
}

async function spanOf(rows: ReadRows, bounds: TreeBounds, level: number, key: Uint8Array): Promise<Span> {
  const node = (await rows.nodeBefore(level, key)) ?? { level, key: bounds.start, ...noTotal }
  const end = (await rows.nodeAfter(level, node.key))?.key
  return { node, end: end === undefined || compareBytes(end, bounds.end) > 0 ? bounds.end : end }
}

/** Between all keys of rows before `key` and `key` itself: keys of rows end with 00, and a prefix stands before it. */
function beforeKey(key: Uint8Array): Uint8Array {
  return key.subarray(0, key.length - 1)
}

/** The total from a node's key to the end of its span, from the level below. */
async function totalBelow(rows: ReadRows, level: number, start: Uint8Array, end: Uint8Array): Promise<Total> {
  if (level === 1) return sumOfEntries(rows, start, end)
  return (await rows.nodeRange(level - 1, start, end)).reduce<Total>(addTotals, noTotal)
}

/** Rows read at once for edges. */
const edgeRows = 256

async function sumOfEntries(rows: ReadRows, start: Uint8Array, end: Uint8Array): Promise<Total> {
  let total = noTotal
  for (let from = start; ; ) {
    const page = await rows.hashRange(from, end, edgeRows)
    for (const row of page) total = addTotals(total, totalOfEntry(row))
    const last = page.at(-1)
    if (last === undefined || page.length < edgeRows) return total
    from = justAfter(last.key)
  }
}

/** The least key above `key`. */
export function justAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
}

/** The total of a range, from whole nodes and two edges. */
export async function totalOfRange(
  rows: ReadRows,
  bounds: TreeBounds,
  start: Uint8Array,
  end: Uint8Array,
): Promise<Total> {
  return sumRange(rows, bounds, { level: levels, start, end })
}

async function sumRange(
  rows: ReadRows,
  bounds: TreeBounds,
  range: { readonly level: number; readonly start: Uint8Array; readonly end: Uint8Array },
): Promise<Total> {
  const { level, start, end } = range
  if (compareBytes(start, end) >= 0) return noTotal
  if (level === 0) return sumOfEntries(rows, start, end)
  const nodes = await rows.nodeRange(level, start, end)
  const [first] = nodes
  const last = nodes.at(-1)
  // Without a node that begins here, or with one only that may reach beyond, a level tells nothing of its own.
  if (first === undefined || last === undefined)
    return sumRange(rows, bounds, { level: level - 1, start, end })
  let total = noTotal
  for (const node of nodes.slice(0, -1)) total = addTotals(total, node)
  const left = await sumRange(rows, bounds, { level: level - 1, start, end: first.key })
  const whole = compareBytes(end, bounds.end) >= 0
  const right = whole ? last : await sumRange(rows, bounds, { level: level - 1, start: last.key, end })
  return addTotals(addTotals(left, total), right)
}
