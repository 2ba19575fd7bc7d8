import { type Finding, isTestFile } from './rooms.ts'
import { lineAt, type Source } from './source.ts'

/** What is touched in the kernel and in `main.ts` only; everyone else gets it handed in. */
const ambient: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b/g, 'time: take a Clock'],
  [/(?<![.\w])(?:setTimeout|setInterval)\s*\(/g, 'timers: take a Clock'],
  [
    /\bMath\.random\b|(?<![.\w])(?:randomBytes|randomUUID|randomInt|getRandomValues)\s*\(|\bcrypto\.(?:getRandomValues|randomUUID|randomBytes)\b/g,
    'randomness: take a Random',
  ],
  [/(?<![.\w])process\./g, 'the process: only main.ts and the kernel know it'],
  [/(?<![.\w])console\./g, 'the console: take a Logger'],
]

const ambientModules =
  /^node:(?:fs|fs\/promises|child_process|net|dns|dns\/promises|os|process|timers|timers\/promises)$/

const exempt = (path: string) =>
  isTestFile(path) ||
  path === 'server/main.ts' ||
  /^(?:server\/(?:kernel|bin)|scripts|tools|bench|sim|examples)\//.test(path) ||
  // Entry points of a package for one of its homes.
  /^packages\/[^/]+\/src\/(?:node|browser)\//.test(path) ||
  // Scripts that run in browsers.
  /^server\/(?:web\/(?:assets|islands)|skrepka\/messenger\/(?:app|assets))\//.test(path)

/** Files that may do one of these things, each with the reason. */
const exceptions: readonly { readonly path: string; readonly what: RegExp; readonly reason: string }[] = []

/** Time, randomness, the network, the environment and the file system come from outside. */
export function checkAmbient(sources: readonly Source[]): Finding[] {
  const findings: Finding[] = []
  for (const source of sources) {
    if (exempt(source.path)) continue
    const report = (what: string, line: number) => {
      const excused = exceptions.some(one => one.path === source.path && one.what.test(what))
      if (!excused) findings.push({ path: source.path, line, message: `takes from the air ${what}` })
    }
    for (const [pattern, what] of ambient) {
      for (const match of source.code.matchAll(pattern)) report(what, lineAt(source.code, match.index))
    }
    for (const { specifier, line } of source.imports) {
      if (ambientModules.test(specifier)) report(`${specifier}: the kernel has it`, line)
    }
    for (const match of source.code.matchAll(/(?<![.\w])fetch\s*\(/g)) {
      // A fetch that was handed in is a parameter or a member of one.
      if (!/\bfetch\s*[,:}=]|\bfetch\s*\?/.test(source.code))
        report('fetch: take a SafeFetch', lineAt(source.code, match.index))
    }
  }
  return findings
}

/** A test that is switched off, or switches the others off, by mistake. */
export function checkTests(sources: readonly Source[]): Finding[] {
  return sources.flatMap(source =>
    [...source.code.matchAll(/\b(?:test|it|describe|suite)\.(only|skip|todo)\b/g)].map(match => ({
      path: source.path,
      line: lineAt(source.code, match.index),
      message: `.${match[1]} stays out of the project; a test that cannot run says so with t.skip(reason)`,
    })),
  )
}

const fileLinesMax = 300
const functionLinesMax = 60

/** Files and functions that have grown too long. */
export function checkSizes(sources: readonly Source[]): Finding[] {
  const findings: Finding[] = []
  for (const source of sources) {
    const lines = source.text.split('\n').length - 1
    if (lines > fileLinesMax) {
      findings.push({
        path: source.path,
        line: 1,
        message: `has ${lines} lines, more than ${fileLinesMax}`,
        warning: true,
      })
    }
    if (isTestFile(source.path)) continue
    for (const { line, length } of functionsOf(source.code)) {
      if (length <= functionLinesMax) continue
      findings.push({
        path: source.path,
        line,
        message: `a function of ${length} lines, more than ${functionLinesMax}`,
        warning: true,
      })
    }
  }
  return findings
}

/** Where functions with a body in braces begin, and how many lines they have. */
function functionsOf(code: string): { readonly line: number; readonly length: number }[] {
  const found: { line: number; length: number }[] = []
  const open: { readonly line: number; readonly isFunction: boolean }[] = []
  let line = 1
  for (let at = 0; at < code.length; at++) {
    const character = code[at]
    if (character === '\n') line += 1
    else if (character === '{') open.push({ line, isFunction: opensFunction(code, at) })
    else if (character === '}') {
      const begin = open.pop()
      if (begin?.isFunction === true) found.push({ line: begin.line, length: line - begin.line + 1 })
    }
  }
  return found
}

function opensFunction(code: string, at: number): boolean {
  const before = code.slice(Math.max(0, at - 2000), at).trimEnd()
  if (before.endsWith('=>')) return true
  const declaration = before.lastIndexOf('function')
  return (
    declaration >= 0 &&
    /^function\s*\*?\s*[\w$]*\s*(?:<[^{}]*>)?\([^{}]*\)[^{};]*$/.test(before.slice(declaration))
  )
}
