import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { Corruption } from '../errors.ts'
import { systemRandom } from '../random.ts'
import { nodeIdOf } from './node-id.ts'

const root = mkdtempSync(join(tmpdir(), 'leaf-node-id-'))
after(() => rmSync(root, { recursive: true, force: true }))

it('a data folder keeps its id, and two folders have different ones', () => {
  const [first, second] = [join(root, 'a'), join(root, 'b')]
  const id = nodeIdOf(first, systemRandom)
  assert.match(id, /^[0-9a-f]{32}$/)
  assert.equal(nodeIdOf(first, systemRandom), id)
  assert.notEqual(nodeIdOf(second, systemRandom), id)
  assert.deepEqual(readdirSync(first), ['node-id'])
})

it('an id that is damaged is refused', () => {
  writeFileSync(join(root, 'node-id'), 'what?')
  assert.throws(() => nodeIdOf(root, systemRandom), Corruption)
})
