import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { mutants } from './skrepka/mutants.ts'

/** Of all: those that a scenario notices within a second or two. The others are for `npm run sim:mutants`. */
const quick = [
  'any cursor acknowledges',
  'a cursor acknowledges up to what was delivered, wherever it comes from',
  'pages are not ascending',
  'one sender may fill a mailbox',
  'logins are limited by the key alone',
  'presence without proof is believed where proofs are required',
  'what rests is not taken up again',
]
const program = fileURLToPath(new URL('skrepka/mutant-run.ts', import.meta.url))

describe('mutants of the relay', () => {
  it('fit the sources', () => {
    for (const { name, edits } of mutants) {
      for (const { file, find } of edits) {
        const source = readFileSync(new URL(`../server/skrepka/${file}`, import.meta.url), 'utf8')
        assert.ok(source.includes(find), `"${name}" does not fit ${file} any more: ${find}`)
      }
    }
  })
  for (const name of quick) {
    it(`is noticed: ${name}`, async () => {
      const args = ['--conditions=leaf-source', program, name]
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 })
      assert.match(stdout, /^(?:scenario|rule|seed|unhandled)/)
    })
  }
})
