import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { memory, openLeaf } from '@leaf/entities/node/leaf'
import { Name, ReplyTo } from '@leaf/entities/leaf/well-known'
import { openBlog } from './blog.ts'

const first = { slug: 'hello', title: 'Hello', text: 'First *post*.', tags: ['intro'] }
const second = { slug: 'again', title: 'Again', text: 'Second.', tags: ['intro', 'more'] }

test('posts are published, changed, found and followed', async t => {
  const leaf = await openLeaf({ storage: memory() })
  t.after(() => leaf.close())
  const blog = openBlog(leaf, await leaf.identities.create())
  await blog.publish(first)
  await blog.publish(second, { png: new Uint8Array(5000), alt: 'a dot' })
  assert.deepEqual(await blog.newest(1), [second])
  assert.deepEqual(await blog.tagged('intro'), [second, first])
  const seen = Promise.withResolvers<readonly (string | undefined)[]>()
  const watch = blog.follow(({ changed }) => {
    if (changed.length > 0) seen.resolve(changed.map(view => view.get(Name)))
  })
  await blog.publish({ ...first, title: 'Hello, world' })
  assert.deepEqual(await seen.promise, ['Hello, world'])
  watch.stop()
})

test('a reader takes the blog as a file, and her answer keeps what it answers', async t => {
  const [leaf, reader] = [await openLeaf({ storage: memory() }), await openLeaf({ storage: memory() })]
  t.after(() => Promise.all([leaf.close(), reader.close()]))
  const author = await leaf.identities.create()
  const blog = openBlog(leaf, author)
  await blog.publish(first)
  await reader.import(await blog.file())
  const me = await reader.identities.create()
  const space = reader.space({ as: me })
  const post = await space.at(author, 'posts', 'hello').view()
  assert.ok(post !== undefined)
  await openBlog(reader, me).reply(post, 'Welcome!')
  await leaf.space({ as: author }).at('posts', 'hello').delete()
  await reader.import(await blog.file())
  const answer = await space.query({ under: [me, 'replies'] }).first()
  const link = answer?.get(ReplyTo)
  assert.ok(link !== undefined)
  const answered = await reader.resolve(link)
  assert.deepEqual([answered.from, answered.view?.get(Name)], ['snapshot', 'Hello'])
})

test('the program runs, and what it wrote is there the next time', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'leaf-blog-'))
  t.after(() => rm(folder, { recursive: true }))
  const program = fileURLToPath(new URL('main.ts', import.meta.url))
  const run = () =>
    spawnSync(process.execPath, ['--conditions=leaf-source', program, join(folder, 'blog.db')], {
      encoding: 'utf8',
      timeout: 60_000,
    })
  assert.match(run().stdout, /Post number 1/)
  const { stdout, stderr } = run()
  assert.match(stdout, /Post number 2[^]*Post number 1/, stderr)
})
