/**
 * Writes the official lexicon documents, as `@atproto/api` ships them, into `lexicons/`: one file a document, at the
 * path of its NSID, with `index.json` (every NSID) and the licence. Run it after updating that package.
 */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { schemas } from '@atproto/api'

const namespaces = ['com.atproto.', 'app.bsky.', 'chat.bsky.']
const folder = join(import.meta.dirname, '..', 'lexicons')

/** The package resolves references when it is loaded (`lex:` and the whole name); documents have them as published. */
function asPublished(value: unknown, nsid: string): unknown {
  if (typeof value === 'string') {
    if (!value.startsWith('lex:')) return value
    const name = value.slice('lex:'.length)
    return name.startsWith(`${nsid}#`) ? name.slice(nsid.length) : name
  }
  if (Array.isArray(value)) return value.map(item => asPublished(item, nsid))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, asPublished(one, nsid)]))
}

async function writeLexicons(): Promise<number> {
  await rm(folder, { recursive: true, force: true })
  const kept = schemas.filter(schema => namespaces.some(namespace => schema.id.startsWith(namespace)))
  for (const schema of kept) {
    const file = join(folder, ...`${schema.id}.json`.split(/\.(?!json$)/))
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, `${JSON.stringify(asPublished(schema, schema.id), undefined, 1)}\n`)
  }
  const nsids = kept.map(schema => schema.id).sort()
  await writeFile(join(folder, 'index.json'), `${JSON.stringify(nsids, undefined, 1)}\n`)
  const packageFolder = createRequire(import.meta.url)
    .resolve('@atproto/api')
    .replace(/dist.*$/, '')
  await cp(join(packageFolder, 'LICENSE.txt'), join(folder, 'LICENSE.txt'))
  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8'))
  await writeFile(join(folder, 'README.md'), readme(version))
  return kept.length
}

const readme = (version: string) => `# Lexicons

The official lexicon documents of the AT Protocol, as data: written by \`scripts/lexicons.ts\` from \`@atproto/api\` ${version}
(https://github.com/bluesky-social/atproto/tree/main/lexicons), under the licence beside them. Do not edit them here.
`

console.log(`${await writeLexicons()} lexicon documents written to lexicons/`)
