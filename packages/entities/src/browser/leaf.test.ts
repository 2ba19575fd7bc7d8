import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bundleOf, firstLoadBytes, openPage } from './test-page.ts'

const core = `export { openLeaf, idb } from './leaf.ts'
  export { defineComponent } from '../leaf/define.ts'
  export { s } from '@leaf/codec/borsh/build'`
const bytesMax = 60 * 1024

test('the library takes less than 60 KiB of a page, before it syncs', async () => {
  const size = await firstLoadBytes(core)
  assert.ok(size > 20_000)
  assert.ok(size < bytesMax, `it takes ${size} bytes`)
})

test('in a browser everything is there again after the page was loaded anew', {
  timeout: 60_000,
}, async t => {
  const script = await bundleOf(
    `import { openLeaf, idb } from './leaf.ts'
    import { defineComponent } from '../leaf/define.ts'
    import { Name } from '../leaf/well-known.ts'
    import { s } from '@leaf/codec/borsh/build'
    const Odd = defineComponent('Odd', s.u32(), { doc: 'An odd number.' })
    const ready = async () => {
      const leaf = await openLeaf({ storage: idb('app') })
      const me = leaf.identities.list()[0] ?? (await leaf.identities.create())
      return { leaf, me, space: leaf.space({ as: me }) }
    }
    globalThis.write = async () => {
      const { leaf, me, space } = await ready()
      await space.at('x').edit(draft => {
        draft.set(Name, 'hello')
        draft.set(Odd, 7, { for: me.encryptionKey })
      })
      const seen = []
      const watch = space.watch({ with: [Name] })
      for await (const diff of watch) {
        seen.push(diff.views.map(view => view.get(Name)))
        if (seen.length === 1) void space.at('y').edit(draft => draft.set(Name, 'there'))
        else watch.stop()
      }
      await leaf.close()
      return seen
    }
    globalThis.read = async () => {
      const { leaf, space } = await ready()
      const described = await leaf.describe(Odd.id)
      const values = [await space.at('x').get(Name), await space.at('x').get(Odd), await space.query({ with: [Name] }).count(), described.text]
      await leaf.close()
      return values
    }`,
  )
  const opened = await openPage(t, script)
  if (opened === undefined) return t.skip('there is no Chromium')
  const { page, url } = opened
  await page.waitForFunction('globalThis.read !== undefined')
  assert.deepEqual(await page.evaluate('globalThis.write()'), [['hello'], ['there', 'hello']])
  await page.reload()
  await page.addScriptTag({ url: `${url}/script.js`, type: 'module' })
  await page.waitForFunction('globalThis.read !== undefined')
  assert.deepEqual(await page.evaluate('globalThis.read()'), ['hello', 7, 2, 'An odd number.'])
})
