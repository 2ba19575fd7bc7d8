/** The published client in Chromium, from a page of another origin, against a whole Leaf with real modules. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { plainModule } from './streams/modules.ts'
import { raisedLimits, serviceToken } from './streams/people.ts'
import { chromiumPath, startChromium } from './support/browser.ts'
import { createAccount } from './support/http.ts'
import { startLeaf } from './support/leaf.ts'

const executable = chromiumPath()
const skip = executable === undefined ? 'no Chromium' : false

/** The client as a browser loads it, as the global `leaf`. */
async function bundledClient(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: "export { LeafClient } from '@muni-town/leaf-client'",
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'leaf',
    platform: 'browser',
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

interface PageOptions {
  readonly url: string
  readonly token: string
  readonly module: object
}

/** Runs in the page; self-contained. */
async function useClient({ url, token, module }: PageOptions) {
  const { LeafClient } = (globalThis as any).leaf
  const client = new LeafClient(url, async () => token)
  const did = await new Promise<string>(resolve => client.on('authenticated', resolve))
  const { moduleCid } = await client.uploadModule(module)
  const { streamDid } = await client.createStream(moduleCid)
  const text = new TextEncoder()
  const events = Array.from({ length: 100 }, (_, index) => text.encode(`event ${index}`))
  await client.sendEvents(streamDid, events)
  const backfill = (limit: number) =>
    new Promise<number>(resolve => {
      let rows = 0
      void client.subscribeEvents(streamDid, { name: 'lines', params: {}, start: 1, limit }, (page: any) => {
        rows += page.Ok.rows.length
        if (!page.Ok.has_more) resolve(rows)
      })
    })
  const idle = await Promise.all(Array.from({ length: 40 }, () => backfill(1000)))
  const parallel = await Promise.all(Array.from({ length: 20 }, () => backfill(10)))
  const busy: number[] = []
  for (let subscription = 0; subscription < 30; subscription += 1) {
    const waiting = backfill(1000)
    const untilMs = performance.now() + 20
    while (performance.now() < untilMs);
    busy.push(await waiting)
  }
  const refused: string = await client
    .sendEvent(streamDid, text.encode('refuse this'))
    .catch((error: Error) => error.message)
  const [kinds] = await client.query(streamDid, { name: 'kinds', params: {} })
  await client.sendStateEvents(streamDid, [text.encode('seen')])
  const [seen] = await client.query(streamDid, { name: 'seen', params: {} })
  const transport: string = client.socket.io.engine.transport.name
  client.disconnect()
  return { did, idle, parallel, busy, refused, blob: [...kinds.b.value], seen: seen.times.value, transport }
}

for (const transport of ['websocket', 'polling']) {
  test(`in Chromium over ${transport} the published client works and nothing is lost`, {
    skip,
    timeout: 90_000,
  }, async t => {
    const leaf = await startLeaf({ env: { ...raisedLimits, LEAF_SYSTEMS: 'pds,streams' } })
    t.after(() => leaf.dispose())
    const elsewhere = createServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>app</title>'),
    ).listen(0, '127.0.0.1')
    await once(elsewhere, 'listening')
    t.after(() => elsewhere.close())
    const account = await createAccount(leaf.url, 'browsing')
    const browser = await startChromium(executable ?? '')
    t.after(() => browser.close())
    const page = await browser.newPage()
    // As behind a proxy that knows no WebSockets.
    if (transport === 'polling') await page.addInitScript('globalThis.WebSocket = undefined')
    await page.goto(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`)
    await page.addScriptTag({ content: await bundledClient() })
    const token = await serviceToken(leaf, account)
    const seen = await page.evaluate(useClient, { url: leaf.url, token, module: plainModule })
    assert.equal(seen.did, account.did)
    assert.deepEqual(seen.idle, Array(40).fill(100))
    assert.deepEqual(seen.parallel, Array(20).fill(100))
    assert.deepEqual(seen.busy, Array(30).fill(100))
    assert.equal(
      seen.refused,
      'Error while running stream module: SQLite failure: `Unauthorized: not this 1`',
    )
    assert.deepEqual(seen.blob, [4])
    assert.equal(seen.seen, 1)
    assert.equal(seen.transport, transport)
  })
}
