/** Splits SQL into its statements, as SQLite reads it: strings, names, comments and the bodies of triggers hold `;` too. */

const tokenPattern =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|[A-Za-z_\u0080-\uffff$@:#?][\w\u0080-\uffff$]*|[\s\S]/g

/** The statements in their order, trimmed, without their `;`. Pieces that hold nothing but blanks and comments are left out. */
export function splitSql(sql: string): string[] {
  const statements: string[] = []
  let begin = 0
  /** Words and signs of the statement so far; of the middle nothing is needed. */
  let first: string[] = []
  let last: string[] = []
  const finish = (end: number) => {
    if (first.length > 0) statements.push(sql.slice(begin, end).trim())
    first = []
    last = []
  }
  for (const match of sql.matchAll(tokenPattern)) {
    const [token] = match
    if (token.startsWith('--') || token.startsWith('/*') || /^\s$/.test(token)) continue
    // The last statement of a trigger's body has its own semicolon before the `end`.
    if (token === ';' && !(isTrigger(first) && last.join(' ') !== '; end')) {
      finish(match.index)
      begin = match.index + 1
      continue
    }
    const word = token.toLowerCase()
    if (first.length < 4) first.push(word)
    last = [...last.slice(-1), word]
  }
  finish(sql.length)
  return statements
}

function isTrigger([first, second, third]: readonly string[]): boolean {
  if (first !== 'create') return false
  return second === 'trigger' || ((second === 'temp' || second === 'temporary') && third === 'trigger')
}
