/** Checks what no compiler checks: floors, cycles, what is taken from the air, switched-off tests; warns of sizes. */
import { readFile } from 'node:fs/promises'
import { glob } from 'node:fs/promises'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { checkAmbient, checkSizes, checkTests } from './tidy/ambient.ts'
import { checkCycles, checkFloors, type Finding } from './tidy/rooms.ts'
import { readSource, type Source } from './tidy/source.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const patterns = ['packages/*/src/**/*.ts', '{server,scripts,bench,sim,examples,tools}/**/*.{ts,js}']

const sources: Source[] = []
for await (const path of glob(patterns, { cwd: root, exclude: ['**/node_modules/**', '**/dist/**'] })) {
  sources.push(
    readSource(path.replaceAll('\\', '/'), await readFile(new URL(`../${path}`, import.meta.url), 'utf8')),
  )
}
const findings: Finding[] = [checkFloors, checkCycles, checkAmbient, checkTests, checkSizes].flatMap(check =>
  check(sources),
)
findings.sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line)
for (const { path, line, message, warning } of findings) {
  console.log(`${warning === true ? 'warning' : 'error'}  ${path}:${line}  ${message}`)
}
const errors = findings.filter(finding => finding.warning !== true).length
console.log(`${sources.length} files, ${errors} errors, ${findings.length - errors} warnings`)
process.exitCode = errors > 0 || sources.length === 0 ? 1 : 0
