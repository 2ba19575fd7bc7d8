/** Statements over many rows, in a few sizes, so that each text is prepared once. */

/** Rows of the largest statement. */
const pieceMax = 64
/** Up to this many rows a statement fits exactly: most commits change no more blocks than that. */
const exactMax = 16

/** Cuts a list into pieces of 64, of 16, and a rest of fewer. */
export function* inPieces<T>(items: readonly T[]): Generator<readonly T[]> {
  let at = 0
  while (at < items.length) {
    const left = items.length - at
    const size = left >= pieceMax ? pieceMax : Math.min(left, exactMax)
    yield size === items.length ? items : items.slice(at, at + size)
    at += size
  }
}

const lists = new Map<string, string>()

/** The parameters of `rows` rows of `columns` each, the first being `$first`: `($2, $3)`, or `(($2, $3), ($4, $5))`. */
export function rowsOf(columns: number, rows: number, first: number): string {
  const key = `${columns}/${rows}/${first}`
  const known = lists.get(key)
  if (known !== undefined) return known
  const row = (index: number) =>
    Array.from({ length: columns }, (_, column) => `$${first + index * columns + column}`).join(', ')
  const list = Array.from({ length: rows }, (_, index) =>
    columns === 1 ? row(index) : `(${row(index)})`,
  ).join(', ')
  const text = `(${list})`
  lists.set(key, text)
  return text
}
