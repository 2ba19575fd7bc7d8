/** Statements over many rows, in a few fixed sizes, so that each text is prepared once. */

const sizes = [64, 16, 4, 1] as const

/** Cuts a list into pieces of 64, 16, 4 and 1. */
export function* inPieces<T>(items: readonly T[]): Generator<readonly T[]> {
  let at = 0
  for (const size of sizes) {
    while (items.length - at >= size) {
      yield at === 0 && items.length === size ? items : items.slice(at, at + size)
      at += size
    }
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
