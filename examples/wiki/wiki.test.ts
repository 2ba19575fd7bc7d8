import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { memory, openLeaf } from '@leaf/entities/node/leaf'
import { openPage } from './wiki.ts'

test('every earlier state of a page can be read and brought back, also elsewhere', async t => {
  const [leaf, other] = [await openLeaf({ storage: memory() }), await openLeaf({ storage: memory() })]
  t.after(() => Promise.all([leaf.close(), other.close()]))
  const me = await leaf.identities.create()
  const page = openPage(leaf, me, 'Oak', () => 1000)
  for (const text of ['one', 'two', 'three']) await page.write(text, `after ${text}`)
  await page.restore(0)
  const versions = [
    { at: 1000, note: 'after two', text: 'one' },
    { at: 1000, note: 'after three', text: 'two' },
    { at: 1000, note: 'version 1 again', text: 'three' },
  ]
  assert.equal(await page.read(), 'one')
  assert.deepEqual(await page.history(), versions)
  await assert.rejects(page.restore(7), RangeError)
  await other.import(await leaf.export(leaf.space({ as: me })).bytes())
  const same = openPage(other, await other.identities.add(me.keyPair.secretKey), 'Oak')
  assert.deepEqual(await same.history(), versions)
})

test('the program runs', () => {
  const program = fileURLToPath(new URL('main.ts', import.meta.url))
  const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=leaf-source', program], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.match(stdout, /- lol[^]*Now: Oaks are trees of the genus \*Quercus\*\.\n$/, stderr)
})
