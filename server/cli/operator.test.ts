import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readConfiguration, settingFlags, settingTables } from '../configuration.ts'
import { createManualClock } from '../kernel/clock.ts'
import { systemRandom } from '../kernel/random.ts'
import { runCommandLine } from './main.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Runs `leaf <words>`; gives its exit code and what it printed. */
async function leaf(...argv: string[]) {
  const lines: string[] = []
  const errors: string[] = []
  const code = await runCommandLine({
    argv,
    env: { LEAF_DATA_DIR: folder },
    terminal: {
      line: text => void lines.push(text),
      error: text => void errors.push(text),
      interactive: false,
      colour: false,
      ask: async () => '',
    },
    clock: createManualClock(),
    random: systemRandom,
    version: '0.0.0',
    tables: settingTables,
    settingFlags,
    readConfiguration,
    serve: async () => 0,
  })
  return { code, lines, errors }
}

test('an invite code is made, listed with what is left of it, and revoked', async () => {
  const made = await leaf('invite', '--uses', '5')
  assert.equal(made.code, 0)
  const [code = ''] = made.lines
  assert.deepEqual((await leaf('invite', '--list')).lines, [`${code}  5 left`])
  assert.equal((await leaf('invite', '--revoke', code)).code, 0)
  const again = await leaf('invite', '--revoke', code)
  assert.deepEqual(again, { code: 1, lines: [`There is no code ${code}.`], errors: [] })
})

test('a relay is added once, disabled, listed and removed', async () => {
  assert.equal((await leaf('relay', 'add', 'https://relay.example')).code, 0)
  const twice = await leaf('relay', 'add', 'relay.example')
  assert.equal(twice.code, 1)
  assert.deepEqual(twice.errors, ['https://relay.example is there already.'])
  await leaf('relay', 'disable', 'https://relay.example')
  assert.deepEqual((await leaf('relay')).lines, ['https://relay.example (disabled): not asked yet'])
  await leaf('relay', 'remove', 'https://relay.example')
  assert.match((await leaf('relay', 'list')).lines[0] ?? '', /^No relay is told/)
})

test('what is no address of a relay is refused in a sentence', async () => {
  const { code, errors } = await leaf('relay', 'add', 'ftp://x')
  assert.equal(code, 1)
  assert.match(errors[0] ?? '', /expected a relay's address/)
})
