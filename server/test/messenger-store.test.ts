/** The browser's store under the rules that all stores keep, in a real browser. */
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { createMemoryStore } from '@leaf/skrepka/memory-store'
import { orderedNumber, type StoreChange, type StoreRange } from '@leaf/skrepka/store'
import { build } from 'esbuild'
import fc from 'fast-check'
import { startServer } from '../kernel/http/test-server.ts'
import { chromiumPath, startChromium } from './support/browser.ts'

const executable = chromiumPath()
const skip =
  executable === undefined ? 'there is no Chromium here (set LEAF_CHROMIUM, or install chromium)' : false

async function script(): Promise<string> {
  const contents = `import { openIndexedDbStore } from '@leaf/skrepka/browser/indexed-db'
    globalThis.openStore = openIndexedDbStore`
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    write: false,
    format: 'iife',
    conditions: ['leaf-source'],
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

const collection = fc.constantFrom('a', 'ab', 'b')
const key = fc.constantFrom(
  '',
  'k',
  'k/1',
  'k/2',
  'kk',
  'ж',
  orderedNumber(7),
  orderedNumber(80),
  '\u{1f343}',
)
const value = fc.option(
  fc.oneof(fc.integer(), fc.string(), fc.record({ list: fc.array(fc.nat(), { maxLength: 3 }) })),
  { nil: undefined },
)
const change: fc.Arbitrary<StoreChange> = fc.record({ collection, key, value })
const range: fc.Arbitrary<StoreRange> = fc.record(
  { after: key, before: key, limit: fc.integer({ min: 1, max: 5 }), reverse: fc.boolean() },
  { requiredKeys: ['limit'] },
)

test('IndexedDB does what the store in memory does', { skip }, async t => {
  const code = Buffer.from(await script())
  const page = Buffer.from('<!doctype html><script src="/store.js"></script>')
  const server = await startServer([
    {
      path: '/',
      methods: ['GET'],
      handle: (_, response) => void response.setHeader('content-type', 'text/html').end(page),
    },
    {
      path: '/store.js',
      methods: ['GET'],
      handle: (_, response) => void response.setHeader('content-type', 'text/javascript').end(code),
    },
  ])
  t.after(server.stop)
  const browser = await startChromium(executable ?? '')
  t.after(() => browser.close())
  const tab = await browser.newPage()
  await tab.goto(server.url)
  let round = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 4 }),
      fc.array(fc.tuple(collection, range), { maxLength: 6 }),
      async (writes, reads) => {
        const memory = createMemoryStore()
        const expected = []
        for (const changes of writes) await memory.write(changes)
        for (const [name, wanted] of reads) expected.push(await memory.list(name, wanted))
        // Undefined does not travel to the page.
        const told = writes.map(changes =>
          changes.map(({ collection: name, key: place, value: kept }) => [
            name,
            place,
            kept === undefined ? [] : [kept],
          ]),
        )
        round += 1
        const found = await tab.evaluate(
          `(async ([name, writes, reads]) => {
          let store = await openStore(name)
          for (const changes of writes) {
            await store.write(changes.map(([collection, key, [value]]) => ({ collection, key, value })))
          }
          await store.close()
          store = await openStore(name)
          const found = []
          for (const [collection, range] of reads) found.push(await store.list(collection, range))
          await store.close()
          indexedDB.deleteDatabase(name)
          return found
        })(${JSON.stringify([`store ${round}`, told, reads])})`,
        )
        assert.deepEqual(found, structuredClone(expected))
      },
    ),
    { numRuns: 40 },
  )
  const bytes = await tab.evaluate(`(async () => {
    const store = await openStore('bytes')
    await store.write([{ collection: 'a', key: 'k', value: { bytes: Uint8Array.of(0, 255) } }])
    const { bytes } = await store.get('a', 'k')
    return [bytes instanceof Uint8Array, ...bytes]
  })()`)
  assert.deepEqual(bytes, [true, 0, 255])
})
