/** One thing that was looked at, told as a sentence. */
export interface Finding {
  /** What it is about: `disk`, `dns`. */
  readonly subject: string
  readonly level: 'good' | 'warning' | 'bad'
  readonly sentence: string
}

/** Findings about one subject. */
export function findingsOf(subject: string) {
  const tell =
    (level: Finding['level']) =>
    (sentence: string): Finding => ({ subject, level, sentence })
  return { good: tell('good'), warning: tell('warning'), bad: tell('bad') }
}

/** The message of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
