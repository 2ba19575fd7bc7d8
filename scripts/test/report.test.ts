import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import type { Outcome } from './report.ts'

const report = new URL('report.ts', import.meta.url).href

/** Runs test files of these texts in a runner of their own, and gives what was counted and printed. */
async function runFiles(
  t: { after(fn: () => Promise<void>): void },
  files: Readonly<Record<string, string>>,
) {
  const folder = await mkdtemp(join(tmpdir(), 'leaf-report-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const program = `
    import { run } from 'node:test'
    import { followTests } from '${report}'
    const lines = []
    const files = ${JSON.stringify(Object.keys(files).map(name => join(folder, name)))}
    const outcome = await followTests(run({ files }), { root: '${folder}', line: text => lines.push(text) })
    console.log(JSON.stringify({ ...outcome, skipReasons: [...outcome.skipReasons], lines }))`
  // A runner inside of a test would take its files for its own.
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_TEST_WORKER_ID: undefined }
  await writeFile(join(folder, 'main.mjs'), program)
  const { stdout, stderr } = spawnSync(process.execPath, [join(folder, 'main.mjs')], {
    env,
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  return JSON.parse(stdout) as Outcome & { skipReasons: [string, number][]; lines: string[] }
}

const head = "import { after, before, describe, test } from 'node:test'\n"

test('tests are counted, not suites, and skips with their reasons', async t => {
  const outcome = await runFiles(t, {
    'a.test.mjs': `${head}
      test('good', () => {})
      describe('suite', () => { test('inner', () => {}) })
      test('absent', { skip: 'no redis' }, () => {})
      test('absent too', c => c.skip('no redis'))`,
  })
  assert.deepEqual([outcome.passed, outcome.failed, outcome.skipped], [2, 0, 2])
  assert.deepEqual(outcome.skipReasons, [['no redis', 2]])
  assert.match(outcome.lines.join('\n'), /^✓ a\.test\.mjs {2}2 passed, 2 skipped/)
})

test('a failure is counted once, with its reason', async t => {
  const outcome = await runFiles(t, {
    'b.test.mjs': `${head} test('parent', async c => { await c.test('child', () => { throw new Error('the reason') }) })`,
  })
  assert.deepEqual([outcome.passed, outcome.failed], [0, 1])
  assert.deepEqual(outcome.failures, ['b.test.mjs  child'])
  assert.match(outcome.lines.join('\n'), /the reason/)
})

test('a failing hook, a crashed file and a file without tests are failures', async t => {
  const outcome = await runFiles(t, {
    'after.test.mjs': `${head} describe('suite', () => { after(() => { throw new Error('late') }); test('inner', () => {}) })`,
    'before.test.mjs': `${head} describe('suite', () => { before(() => { throw new Error('early') }); test('inner', () => {}) })`,
    'crash.test.mjs': "throw new Error('at once')",
    'empty.test.mjs': 'export {}',
  })
  assert.equal(outcome.passed, 1)
  assert.deepEqual(outcome.failures.toSorted(), [
    'after.test.mjs  suite',
    'before.test.mjs  inner',
    'before.test.mjs  suite',
    'crash.test.mjs  did not run to its end',
    'empty.test.mjs  has no tests',
  ])
  assert.match(outcome.lines.join('\n'), /at once/)
})
