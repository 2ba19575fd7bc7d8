/** Statements for many rows at once: a few sizes of each, so that few are prepared. */

/** Rows of one statement, largest first. Parameters stay far below SQLite's bound of 32,766. */
const sizes = [128, 32, 8, 1] as const

const texts = new Map<string, string>()

/** Gives the text for `count` rows; kept, since it is asked for at every write. */
function textOf(name: string, count: number, build: (count: number) => string): string {
  const id = `${name} ${count}`
  let text = texts.get(id)
  if (text === undefined) {
    text = build(count)
    texts.set(id, text)
  }
  return text
}

/** `($1, $2), ($3, $4)` for two rows of two columns. */
export function valuesOf(count: number, columns: number): string {
  return placesOf(count, columns, places => `(${places.join(', ')})`).join(', ')
}

/** For each row, what `form` makes of its places (`$3`, `$4`). */
export function placesOf(
  count: number,
  columns: number,
  form: (places: readonly string[]) => string,
): string[] {
  return Array.from({ length: count }, (_, row) =>
    form(Array.from({ length: columns }, (_column, column) => `$${row * columns + column + 1}`)),
  )
}

/** Runs a statement over all rows, in pieces. `name` says which statement it is; `build` makes its text for so many rows. */
export async function inPieces<Row>(options: {
  readonly name: string
  readonly rows: readonly Row[]
  readonly build: (count: number) => string
  readonly run: (sql: string, rows: readonly Row[]) => Promise<void>
}): Promise<void> {
  const { rows } = options
  let at = 0
  while (at < rows.length) {
    const left = rows.length - at
    const size = sizes.find(one => one <= left) ?? 1
    const piece = size === rows.length ? rows : rows.slice(at, at + size)
    await options.run(textOf(options.name, size, options.build), piece)
    at += size
  }
}
