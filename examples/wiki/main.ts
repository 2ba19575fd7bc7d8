/** `node --conditions=leaf-source examples/wiki/main.ts`: a page is written, spoilt, and brought back. */
import { memory, openLeaf } from '@leaf/entities/node/leaf'
import { openPage } from './wiki.ts'

const leaf = await openLeaf({ storage: memory() })
const page = openPage(leaf, await leaf.identities.create(), 'Oak')
await page.write('Oaks are trees.', '')
await page.write('Oaks are trees of the genus *Quercus*.', 'more precise')
await page.write('lol', 'no reason')
await page.restore(1)
for (const { note, text } of await page.history()) console.log(`- ${text}  (replaced: ${note})`)
console.log(`Now: ${await page.read()}`)
await leaf.close()
