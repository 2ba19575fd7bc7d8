import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { memory, openLeaf } from '@leaf/entities/node/leaf'
import { createBook } from './address-book.ts'

const random = (length: number) => new Uint8Array(randomBytes(length))

test('a contact has a name for all and an address for the group', async t => {
  const leaf = await openLeaf({ storage: memory() })
  t.after(() => leaf.close())
  const me = await leaf.identities.create()
  const book = await createBook(leaf, me, random)
  await book.put('dora', { name: 'Dora', email: 'dora@example.org' })
  await book.put('dora', { name: 'Dora D.', email: 'dora@example.net' })
  assert.deepEqual(await book.all(), [{ name: 'Dora D.', email: 'dora@example.net', locked: false }])
  // Opened again it is the same book.
  assert.equal((await (await createBook(leaf, me, random)).all()).length, 1)
  await book.put('dora', { name: 'Dora', email: undefined })
  assert.deepEqual(await book.all(), [{ name: 'Dora', email: undefined, locked: false }])
})

test('the program: who is of the group reads addresses, who is not sees that they are locked', () => {
  const program = fileURLToPath(new URL('main.ts', import.meta.url))
  const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=leaf-source', program], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  const both = 'Dora dora@example.org, Emil emil@example.org'
  assert.equal(
    stdout,
    `Alice: ${both}\nBob:   ${both}\nCarol: 3 entities, of which 3 have something locked\n`,
    stderr,
  )
})
