/** Splits SQL into its statements as SQLite's own shell does: quotes, comments and bodies of triggers are understood. */

export interface SqlStatement {
  /** From its first word to before its semicolon, comments inside included. */
  readonly sql: string
  /** Of its first word in the script, from 1. */
  readonly line: number
  /** Its first word, in lower case. */
  readonly verb: string
}

// White space, comments, quoted things, words, the semicolon, or any other character. Unclosed ones reach to the end.
const token =
  /\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*|;|[\s\S]/g

const triggerWords = new Set(['create', 'temp', 'temporary', 'explain'])

/** The statements of a script, without empty ones. */
export function splitStatements(script: string): readonly SqlStatement[] {
  const statements: SqlStatement[] = []
  let start = -1
  let end = 0
  let verb = ''
  /** Undefined while only words that may begin a trigger came. */
  let inTrigger: boolean | undefined
  /** What came last in a trigger: its last statement is followed by `end`. */
  let last = ''
  let beforeLast = ''

  const finish = () => {
    if (start >= 0) {
      const lead = script.slice(0, start)
      statements.push({ sql: script.slice(start, end), line: lead.split('\n').length, verb })
    }
    start = -1
    verb = ''
    inTrigger = undefined
    last = ''
    beforeLast = ''
  }

  for (const match of script.matchAll(token)) {
    const text = match[0]
    if (isBlank(text)) continue
    if (text === ';') {
      if (inTrigger === true && !(last === 'end' && beforeLast === ';')) {
        beforeLast = last
        last = ';'
        continue
      }
      finish()
      continue
    }
    const word = /^[A-Za-z_]/.test(text) ? text.toLowerCase() : text
    if (start < 0) {
      start = match.index
      verb = word
    }
    if (inTrigger === undefined && !triggerWords.has(word)) inTrigger = word === 'trigger'
    beforeLast = last
    last = word
    end = match.index + text.length
  }
  finish()
  return statements
}

function isBlank(text: string): boolean {
  return text.startsWith('--') || text.startsWith('/*') || /^\s/.test(text)
}
