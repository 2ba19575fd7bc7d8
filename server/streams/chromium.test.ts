/** The published client in Chromium, from a page of another origin, over each transport; hosts are stand-ins. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { startServer } from '../kernel/http/test-server.ts'
import { chromiumPath, startChromium } from '../test/support/browser.ts'
import { createTestHosts } from './stream/test-hosts.ts'
import { openHouse } from './stream/test-house.ts'
import { openTestDoor } from './test-door.ts'

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

/** Runs in the page: every method that tells whether bytes and order survive. Self-contained. */
async function useClient({ url, token }: { url: string; token: string }) {
  const { LeafClient } = (globalThis as any).leaf
  const client = new LeafClient(url, async () => token)
  await new Promise<void>(resolve => client.on('authenticated', () => resolve()))
  const module = {
    $type: 'muni.town.leaf.module.basic.v0',
    initSql: '',
    authorizer: '',
    materializer: '',
    stateInitSql: '',
    queries: [{ name: 'all', sql: 'select 1', params: [] }],
  }
  const { moduleCid } = await client.uploadModule(module)
  const { streamDid } = await client.createStream(moduleCid)
  const text = new TextEncoder()
  await client.sendEvents(
    streamDid,
    Array.from({ length: 100 }, (_, index) => text.encode(`event ${index}`)),
  )
  await client.sendEvent(streamDid, text.encode('x'.repeat(100_000)))
  const backfill = (limit: number) =>
    new Promise<number>(resolve => {
      let rows = 0
      void client.subscribeEvents(streamDid, { name: 'all', params: {}, start: 1, limit }, (result: any) => {
        rows += result.Ok.rows.length
        if (!result.Ok.has_more) resolve(rows)
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
    .setHandle('did:plc:zzzzzzzzzzzzzzzzzzzzzzzz', null)
    .catch((error: Error) => error.message)
  const long: string[] = await client.query(streamDid, { name: 'all', params: {}, start: 101 })
  const transport: string = client.socket.io.engine.transport.name
  client.disconnect()
  return { moduleCid, idle, parallel, busy, refused, longest: long[0]?.length, transport }
}

for (const transport of ['websocket', 'polling']) {
  test(`in Chromium over ${transport} nothing is lost`, {
    skip,
    timeout: 60_000,
  }, async t => {
    const house = await openHouse(createTestHosts)
    t.after(() => house.close())
    const door = await openTestDoor({ streams: house.engine, settings: { createLimit: 1000 } })
    t.after(() => door.stop())
    const elsewhere = await startServer([
      {
        path: '/',
        handle: (_request, response) =>
          void response
            .writeHead(200, { 'content-type': 'text/html' })
            .end('<!doctype html><title>app</title>'),
      },
    ])
    t.after(() => elsewhere.stop())
    const browser = await startChromium(executable ?? '')
    t.after(() => browser.close())
    const page = await browser.newPage()
    // As behind a proxy that knows no WebSockets.
    if (transport === 'polling') await page.addInitScript('globalThis.WebSocket = undefined')
    await page.goto(elsewhere.url)
    await page.addScriptTag({ content: await bundledClient() })
    const seen = await page.evaluate(useClient, { url: door.url, token: door.alice.token() })
    assert.deepEqual(seen.idle, Array(40).fill(101))
    assert.deepEqual(seen.parallel, Array(20).fill(101))
    assert.deepEqual(seen.busy, Array(30).fill(101))
    assert.equal(seen.longest, 100_000)
    assert.match(seen.refused, /Stream not found/)
    assert.equal(seen.transport, transport)
  })
}
