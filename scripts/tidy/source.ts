/** A source file as the checks see it. */
export interface Source {
  /** From the root of the project, with slashes. */
  readonly path: string
  readonly text: string
  /** The text with comments, strings and regular expressions blanked out; lines and columns stay. */
  readonly code: string
  readonly imports: readonly SourceImport[]
}

export interface SourceImport {
  readonly specifier: string
  readonly line: number
}

/** Reads a source as far as the checks need it. */
export function readSource(path: string, text: string): Source {
  const { code, withStrings } = blank(text)
  return { path, text, code, imports: importsOf(withStrings) }
}

const importPatterns = [
  /\b(?:import|export)\b[^'"();]*?\bfrom\s*(['"])([^'"\n]+)\1/g,
  /\bimport\s*(['"])([^'"\n]+)\1/g,
  /\bimport\s*\(\s*(['"])([^'"\n]+)\1/g,
]

function importsOf(code: string): SourceImport[] {
  const imports: SourceImport[] = []
  for (const pattern of importPatterns) {
    for (const match of code.matchAll(pattern)) {
      imports.push({ specifier: match[2] ?? '', line: lineAt(code, match.index) })
    }
  }
  return imports
}

/** Counts from 1. */
export function lineAt(text: string, index: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < index; at = text.indexOf('\n', at + 1)) line += 1
  return line
}

interface Blanked {
  readonly code: string
  /** Only comments are blank. */
  readonly withStrings: string
}

/** A scanner that knows just enough of the language to tell code from what only looks like it. */
function blank(text: string): Blanked {
  const code = [...text]
  const withStrings = [...text]
  // For each open `${`: how many braces are open inside of it.
  const templates: number[] = []
  const wipe = (from: number, to: number, alsoStrings: boolean) => {
    for (let at = from; at < to; at++) {
      if (text[at] === '\n') continue
      code[at] = ' '
      if (alsoStrings) withStrings[at] = ' '
    }
  }
  let at = 0
  while (at < text.length) {
    const end = skipAt(text, at, code)
    if (end !== undefined) {
      wipe(at, end, text.startsWith('//', at) || text.startsWith('/*', at))
      at = end
      continue
    }
    const character = text[at]
    const inner = templates.length - 1
    if (character === '`' || (character === '}' && templates[inner] === 0)) {
      if (character === '}') templates.pop()
      const stop = templateEnd(text, at + 1)
      wipe(at, stop, false)
      if (text.startsWith('${', stop - 2)) templates.push(0)
      at = stop
      continue
    }
    if (inner >= 0 && character === '{') templates[inner] = (templates[inner] ?? 0) + 1
    if (inner >= 0 && character === '}') templates[inner] = (templates[inner] ?? 0) - 1
    at += 1
  }
  return { code: code.join(''), withStrings: withStrings.join('') }
}

/** Where the comment, string or regular expression that begins at `at` ends; undefined when there is none. */
function skipAt(text: string, at: number, code: readonly string[]): number | undefined {
  const character = text[at]
  if (character === "'" || character === '"') return quoteEnd(text, at + 1, character)
  if (character !== '/') return undefined
  if (text[at + 1] === '/') return indexOrEnd(text, '\n', at)
  if (text[at + 1] === '*') return Math.min(text.length, indexOrEnd(text, '*/', at + 2) + 2)
  return mayBeginRegExp(code, at) ? regExpEnd(text, at + 1) : undefined
}

function indexOrEnd(text: string, needle: string, from: number): number {
  const found = text.indexOf(needle, from)
  return found < 0 ? text.length : found
}

function quoteEnd(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at += 1
    else if (text[at] === quote || text[at] === '\n') return at + 1
  }
  return text.length
}

/** Past the closing back-quote, or past the `${` that opens code. */
function templateEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at += 1
    else if (text[at] === '`') return at + 1
    else if (text[at] === '$' && text[at + 1] === '{') return at + 2
  }
  return text.length
}

/** After a value a slash divides; after anything else it begins a regular expression. */
function mayBeginRegExp(code: readonly string[], at: number): boolean {
  let before = at - 1
  while (before >= 0 && /\s/.test(code[before] ?? '')) before -= 1
  const last = code[before] ?? ''
  if (!/[\w$)\]}]/.test(last)) return true
  const word = /[\w$]+$/.exec(code.slice(Math.max(0, before - 10), before + 1).join(''))?.[0] ?? ''
  return ['return', 'typeof', 'case', 'in', 'of', 'yield', 'await'].includes(word)
}

function regExpEnd(text: string, from: number): number {
  let inClass = false
  for (let at = from; at < text.length; at++) {
    const character = text[at]
    if (character === '\\') at += 1
    else if (character === '[') inClass = true
    else if (character === ']') inClass = false
    else if (character === '\n') return at
    else if (character === '/' && !inClass) {
      const flags = /^[a-z]*/.exec(text.slice(at + 1, at + 10))?.[0] ?? ''
      return at + 1 + flags.length
    }
  }
  return text.length
}
