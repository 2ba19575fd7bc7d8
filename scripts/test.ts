/**
 * The test command: checks of the sources, then every `*.test.ts`, beside a PostgreSQL that it starts and stops by
 * itself. Words after `npm test --` choose the files whose path contains one of them (and leave the checks out). The
 * last line is `N passed, N failed`, with `, N skipped` if something was skipped.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { run } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startPostgresServer } from '../server/test/support/postgres.ts'
import { followTests, joinOutcomes } from './test/report.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const print = (text: string) => void process.stdout.write(`${text}\n`)
const words = process.argv.slice(2)

/** What the cores of a small machine take. */
const filesAtOnce = 2
/** Files that measure how long something takes run by themselves, after the others. */
const isAlone = (file: string) => /streams\/host\/|hostile|memory\.test|sim\/skrepka\/world/.test(file)
/** The longest file kills and restarts a server a hundred times. */
const fileMsMax = 15 * 60_000

const patterns = ['packages/*/src/**/*.test.ts', '{server,scripts,bench,sim,examples,tools}/**/*.test.ts']
const checks: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['tidy', process.execPath, '--conditions=leaf-source', 'scripts/tidy.ts'],
  ['types', 'tsc', '--noEmit'],
  ['lint', 'oxlint', '--quiet'],
]

async function testFiles(): Promise<string[]> {
  const files: string[] = []
  for await (const path of glob(patterns, { cwd: root, exclude: ['**/node_modules/**', '**/dist/**'] })) {
    if (words.length === 0 || words.some(word => path.includes(word))) files.push(join(root, path))
  }
  return files.toSorted()
}

/** Gives how many failed. */
function runChecks(): number {
  let failed = 0
  const path = `${join(root, 'node_modules/.bin')}${delimiter}${process.env['PATH'] ?? ''}`
  for (const [name, program, ...args] of checks) {
    const { status, stdout, stderr } = spawnSync(program, args, {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, PATH: path },
    })
    print(`${status === 0 ? '✓' : '✗'} ${name}`)
    if (status === 0) continue
    failed += 1
    print(`${stdout}${stderr}`.replace(/^(?=.)/gm, '    ').trimEnd())
  }
  return failed
}

/** Neighbours that this machine does not have: what is skipped, and why. */
function tellAbsent(hasPostgres: boolean): void {
  const programs = (process.env['PATH'] ?? '').split(delimiter)
  const has = (...names: string[]) =>
    names.some(name => programs.some(folder => existsSync(join(folder, name))))
  if (!hasPostgres) print('- no PostgreSQL, neither from npm nor from the system: what needs it is skipped')
  if (!has('redis-server')) print('- no redis-server on this machine: what needs it is skipped')
  if (!has('strace')) print('- no strace on this machine: the test that watches fsync is skipped')
  if (!has('chromium', 'chromium-browser', 'google-chrome'))
    print('- no Chromium on this machine: the tests of pages in a browser are skipped')
}

// Settings of the person who runs the tests must not reach what is tested.
for (const name of Object.keys(process.env)) {
  if (
    /^(?:PDS|STREAMS|ENTITIES|SKREPKA|GITHUB|GOOGLE|OTEL)_|^(?:PUBLIC_URL|DATABASE_URL|REDIS_URL)$/.test(name)
  )
    delete process.env[name]
}
process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules/.cache/leaf-test')

const checksFailed = words.length === 0 ? runChecks() : 0
const checksPassed = words.length === 0 ? checks.length - checksFailed : 0
const files = await testFiles()
const postgres = process.env['LEAF_TEST_POSTGRES_URL'] === undefined ? await startPostgresServer() : undefined
if (postgres !== undefined) process.env['LEAF_TEST_POSTGRES_URL'] = postgres.url
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void (postgres?.stop() ?? Promise.resolve()).finally(() => process.exit(130)))
}
tellAbsent(process.env['LEAF_TEST_POSTGRES_URL'] !== undefined)
try {
  const outcomes = []
  for (const [some, atOnce] of [
    [files.filter(file => !isAlone(file)), filesAtOnce],
    [files.filter(isAlone), 1],
  ] as const) {
    if (some.length === 0) continue
    const events = run({
      files: some,
      concurrency: atOnce,
      timeout: fileMsMax,
      execArgv: ['--conditions=leaf-source'],
    })
    outcomes.push(await followTests(events, { root, line: print }))
  }
  const outcome = joinOutcomes(outcomes)
  for (const [reason, count] of outcome.skipReasons) print(`- ${count} skipped: ${reason}`)
  if (outcome.failures.length > 0)
    print(['', 'Failed:', ...outcome.failures.map(one => `  ${one}`)].join('\n'))
  const passed = outcome.passed + checksPassed
  const failed = outcome.failed + checksFailed
  if (outcome.passed + outcome.failed === 0) print('\nno tests ran')
  process.exitCode = failed > 0 || outcome.passed === 0 ? 1 : 0
  print(`\n${passed} passed, ${failed} failed${outcome.skipped > 0 ? `, ${outcome.skipped} skipped` : ''}`)
} finally {
  await postgres?.stop()
}
