import type { Figure } from './scenarios.ts'

export interface Row {
  readonly name: string
  /** One a side, in the order of the sides. */
  readonly figures: readonly Figure[]
  readonly lowerIsBetter: boolean
}

/** The rows as a Markdown table; the last column is how many times better the second side is than the first. */
export function table(sides: readonly string[], rows: readonly Row[]): string[] {
  const compared = sides.length === 2
  const head = ['', ...sides, ...(compared ? ['ratio'] : [])]
  return [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...rows.map(row => {
      const cells = [row.name, ...row.figures.map(one => one.text), ...(compared ? [ratioText(row)] : [])]
      return `| ${cells.join(' | ')} |`
    }),
  ]
}

function ratioText(row: Row): string {
  const [first, second] = row.figures
  if (first === undefined || second === undefined) return ''
  const ratio = row.lowerIsBetter ? first.value / second.value : second.value / first.value
  return Number.isFinite(ratio) ? `${ratio.toFixed(1)} ×` : ''
}
