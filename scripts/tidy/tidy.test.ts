import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkAmbient, checkSizes, checkTests } from './ambient.ts'
import { checkCycles, checkFloors } from './rooms.ts'
import { readSource } from './source.ts'

const floors = (path: string, specifier: string) =>
  checkFloors([readSource(path, `import { x } from '${specifier}'\n`)]).map(finding => finding.message)
const ambient = (text: string, path = 'server/pds/x.ts') =>
  checkAmbient([readSource(path, text)]).map(({ line, message }) => `${line} ${message}`)

test('imports go to lower floors, types included', () => {
  assert.deepEqual(floors('server/pds/repo/a.ts', '../../kernel/clock.ts'), [])
  assert.deepEqual(floors('server/pds/repo/a.ts', '@leaf/atproto/mst'), [])
  assert.deepEqual(floors('server/compose.ts', './web/index.ts'), [])
  assert.match(
    floors('server/kernel/a.ts', '../pds/b.ts')[0] ?? '',
    /server\/kernel stands below server\/pds/,
  )
  assert.match(floors('server/pds/a.ts', '../streams/b.ts')[0] ?? '', /stand side by side/)
  assert.match(floors('server/web/a.ts', '../cli/b.ts')[0] ?? '', /stand side by side/)
  assert.match(floors('server/cli/a.ts', '../compose.ts')[0] ?? '', /server\/cli stands below/)
  assert.match(floors('packages/codec/src/a.ts', '@leaf/atproto/mst')[0] ?? '', /stands below/)
  const typeImport = checkFloors([readSource('server/kernel/a.ts', "type T = import('../pds/b.ts').T\n")])
  assert.equal(typeImport.length, 1)
})

test('a file of the server belongs to a room', () => {
  assert.deepEqual(floors('server/helpers.ts', './kernel/clock.ts'), ['belongs to no room'])
  assert.deepEqual(floors('server/test/support/a.ts', '../../kernel/clock.ts'), [])
})

test('packages import nothing of Node, and nobody imports tests', () => {
  assert.match(floors('packages/atproto/src/a.ts', 'node:crypto')[0] ?? '', /must be handed in/)
  assert.deepEqual(floors('packages/atproto/src/a.test.ts', 'node:crypto'), [])
  assert.match(floors('server/kernel/a.ts', './storage/suite.ts')[0] ?? '', /nothing imports/)
  assert.match(floors('server/pds/a.ts', '../test/support/leaf.ts')[0] ?? '', /nothing imports/)
  assert.deepEqual(floors('server/kernel/storage/sqlite.test.ts', './suite.ts'), [])
})

test('a file that reaches itself is told with its way', () => {
  const source = (name: string, to: string) =>
    readSource(`server/pds/${name}.ts`, `export type { T } from './${to}.ts'\n`)
  assert.deepEqual(
    checkCycles([source('a', 'b'), source('b', 'c'), source('c', 'b')]).map(finding => finding.message),
    ['imports itself: server/pds/b.ts → server/pds/c.ts → server/pds/b.ts'],
  )
  assert.deepEqual(checkCycles([source('a', 'b'), source('b', 'c')]), [])
})

test('what is taken from the air is found, with its line', () => {
  assert.deepEqual(ambient('const a = 1\nconst b = Date.now()\n'), [
    '2 takes from the air time: take a Clock',
  ])
  for (const text of [
    'new Date()',
    'performance.now()',
    'Math.random()',
    'setTimeout(f, 1)',
    'randomBytes(8)',
    'process.env',
    'console.log(1)',
    'await fetch(url)',
  ]) {
    assert.equal(ambient(text).length, 1, text)
  }
  assert.equal(ambient("import { readFile } from 'node:fs/promises'").length, 1)
})

test('what only looks like it is left alone', () => {
  for (const text of [
    '// Date.now()',
    '/* console.log */',
    "const text = 'Math.random()'",
    'const text = `console.log ${name} Date.now()`',
    'const pattern = /process\\.env/',
    'new Date(clock.now())',
    'clock.setTimeout(f)',
    'subprocess.kill()',
    'const { fetch } = deps\nawait fetch(url)',
    "import { createHash } from 'node:crypto'",
  ]) {
    assert.deepEqual(ambient(text), [], text)
  }
  assert.equal(ambient('const a = `${Date.now()}`').length, 1)
  assert.equal(ambient('const a = b / c; Date.now(); const d = e / f').length, 1)
})

test('the kernel, main.ts and tests may touch the world', () => {
  for (const path of [
    'server/kernel/clock.ts',
    'server/main.ts',
    'server/pds/a.test.ts',
    'scripts/a.ts',
    'server/test/a.ts',
  ]) {
    assert.deepEqual(ambient('Date.now()', path), [], path)
  }
})

test('tests that are switched off, or switch others off, are errors', () => {
  const found = (text: string) => checkTests([readSource('server/a.test.ts', text)]).length
  assert.equal(found("test.only('x', f)"), 1)
  assert.equal(found("describe.skip('x', f)"), 1)
  assert.equal(found("test('x', t => t.skip('why'))"), 0)
  assert.equal(found("// test.only('x')"), 0)
})

test('long files and functions are warnings', () => {
  const body = '  x()\n'.repeat(61)
  const warnings = (text: string) =>
    checkSizes([readSource('server/pds/a.ts', text)]).map(finding => finding.message)
  assert.deepEqual(warnings(`export function a(): void {\n${body}}\n`), [
    'a function of 63 lines, more than 60',
  ])
  assert.deepEqual(warnings(`const a = () => {\n${body}}\n`), ['a function of 63 lines, more than 60'])
  assert.deepEqual(warnings(`const a = {\n${body}}\n`), [])
  assert.deepEqual(warnings('x()\n'.repeat(301)), ['has 301 lines, more than 300'])
})
