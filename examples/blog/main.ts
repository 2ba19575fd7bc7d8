/** `node --conditions=leaf-source examples/blog/main.ts [file]`: a blog in a file, `blog.db` unless another is named. */
import process from 'node:process'
import { openLeaf, sqlite } from '@leaf/entities/node/leaf'
import { openBlog } from './blog.ts'

const leaf = await openLeaf({ storage: sqlite(process.argv[2] ?? 'blog.db') })
const me = leaf.identities.list()[0] ?? (await leaf.identities.create())
const blog = openBlog(leaf, me)
const count = (await blog.newest(1000)).length
await blog.publish({
  slug: `post-${count + 1}`,
  title: `Post number ${count + 1}`,
  text: 'Written by a program, *signed* by a key, and readable by every store of Willow.',
  tags: ['example'],
})
console.log(`The blog of ${Buffer.from(me.publicKey).toString('hex')}`)
for (const { title, text, tags } of await blog.newest(5))
  console.log(`\n${title}  #${tags.join(' #')}\n  ${text}`)
console.log(`\nAs a file: ${(await blog.file()).length} bytes, with everything that explains it.`)
await leaf.close()
