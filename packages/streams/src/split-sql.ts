/** Splits SQL into its statements, as SQLite reads it: strings, names, comments and the bodies of triggers hold `;` too. */

const tokenPattern =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|[A-Za-z_\u0080-\uffff$@:#?][\w\u0080-\uffff$]*|[\s\S]/g

/** The statements in their order, trimmed, without their `;`. Pieces that hold nothing but blanks and comments are left out. */
export function splitSql(sql: string): string[] {
  const statements: string[] = []
  let begin = 0
  let words: string[] = []
  let hasContent = false
  /** How many `end`s a trigger's body still needs. */
  let open = 0
  for (const match of sql.matchAll(tokenPattern)) {
    const [token] = match
    if (token === ';' && open === 0) {
      if (hasContent) statements.push(sql.slice(begin, match.index).trim())
      begin = match.index + 1
      words = []
      hasContent = false
      continue
    }
    if (token.startsWith('--') || token.startsWith('/*') || /^\s$/.test(token)) continue
    hasContent = hasContent || token !== ';'
    const word = token.toLowerCase()
    if (words.length < 4) words.push(word)
    if (!isTrigger(words)) continue
    if (word === 'begin' || (word === 'case' && open > 0)) open += 1
    else if (word === 'end' && open > 0) open -= 1
  }
  if (hasContent) statements.push(sql.slice(begin).trim())
  return statements
}

function isTrigger([first, second, third]: readonly string[]): boolean {
  if (first !== 'create') return false
  return second === 'trigger' || ((second === 'temp' || second === 'temporary') && third === 'trigger')
}
