/** A range cut into parts of about the same number of entries. */
import { compareBytes } from '../willow/path.ts'
import type { ReadRows } from './backing.ts'
import { addTotals, type Bounds, levels, noTotal, type Total, totalOfEntry, totalOfRange } from './tree.ts'

export interface Piece extends Total {
  readonly start: Uint8Array
  readonly end: Uint8Array
}

/** Where a range can be cut, and what lies between two cuts. */
interface Stretch extends Total {
  readonly start: Uint8Array
}

/** At most `parts` pieces that cover the range; fewer when it has fewer entries. */
export async function splitRange(rows: ReadRows, bounds: Bounds, parts: number): Promise<readonly Piece[]> {
  const stretches = await stretchesOf(rows, bounds, parts)
  const count = stretches.reduce((sum, one) => sum + one.count, 0)
  const pieces: Piece[] = []
  let start = bounds.start
  let total = noTotal
  let seen = 0
  for (const [index, stretch] of stretches.entries()) {
    total = addTotals(total, stretch)
    seen += stretch.count
    const next = stretches[index + 1]
    const enough = seen * parts >= count * (pieces.length + 1)
    if (next !== undefined && (!enough || pieces.length === parts - 1)) continue
    const end = next?.start ?? bounds.end
    pieces.push({ start, end, ...total })
    start = end
    total = noTotal
  }
  return pieces
}

async function stretchesOf(rows: ReadRows, bounds: Bounds, parts: number): Promise<readonly Stretch[]> {
  const { start, end, tree } = bounds
  for (let level = levels; level >= 1; level--) {
    const nodes = await rows.nodeRange(level, start, end)
    if (nodes.length < parts * 2) continue
    const [first] = nodes
    const last = nodes.at(-1)
    if (first === undefined || last === undefined) continue
    const edge = compareBytes(first.key, start) > 0
    const left = edge ? [{ start, ...(await totalOfRange(rows, tree, start, first.key)) }] : []
    const right = await totalOfRange(rows, tree, last.key, end)
    return [
      ...left,
      ...nodes
        .slice(0, -1)
        .map(node => ({ start: node.key, sum: node.sum, count: node.count, bytes: node.bytes })),
      { start: last.key, ...right },
    ]
  }
  return entryStretches(rows, bounds, parts)
}

/** Few nodes mean few entries: on average 64 a node. */
async function entryStretches(rows: ReadRows, bounds: Bounds, parts: number): Promise<readonly Stretch[]> {
  const stretches: Stretch[] = []
  const limit = Math.max(parts * 64, 1024)
  for (let from = bounds.start; ; ) {
    const page = await rows.hashRange(from, bounds.end, limit)
    for (const row of page) stretches.push({ start: row.key, ...totalOfEntry(row) })
    const last = page.at(-1)
    if (last === undefined || page.length < limit) return stretches
    from = Uint8Array.from([...last.key, 0])
  }
}
