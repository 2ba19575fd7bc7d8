/** Inserts many rows with few texts of SQL, so that each text is prepared once. */
import type { SqlValue, Tx } from '../../kernel/storage/database.ts'

/** Rows of one statement, largest first; what is left over is taken by the smaller ones. */
const sizes = [128, 32, 8, 2, 1] as const

const texts = new Map<string, string>()

/** Inserts `rows`, each with one value for every column. */
export async function insertRows(
  tx: Tx,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly SqlValue[])[],
): Promise<void> {
  let begun = 0
  for (const size of sizes) {
    while (rows.length - begun >= size) {
      const values = rows.slice(begun, begun + size).flat()
      await tx.run(textOf(table, columns, size), values)
      begun += size
    }
  }
}

function textOf(table: string, columns: readonly string[], size: number): string {
  const key = `${table} ${size}`
  const known = texts.get(key)
  if (known !== undefined) return known
  let number = 0
  const row = () => `(${columns.map(() => `$${(number += 1)}`).join(', ')})`
  const text = `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${Array.from({ length: size }, row).join(', ')}`
  texts.set(key, text)
  return text
}
