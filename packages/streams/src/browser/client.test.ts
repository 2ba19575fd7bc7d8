import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { chromiumPath, startChromium } from '../../../../server/test/support/browser.ts'
import { rowsOf, serve, ulid } from '../test-server.ts'
import { rawDrisl } from '@leaf/codec/drisl'
import { decodeEventBatch, encodeSubscriptionResponse, ok } from '../wire.ts'

/** What a page gets: the client as a bundler makes it for browsers. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { createLeafClient } from './client.ts'; globalThis.createLeafClient = createLeafClient`,
      resolveDir: dirname(fileURLToPath(import.meta.url)),
      loader: 'ts',
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['leaf-source', 'browser'],
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

test('in a browser the client asks, sends and goes on after its connection was lost', async t => {
  const executablePath = chromiumPath()
  if (executablePath === undefined) return t.skip('there is no Chromium')
  const batches: number[][] = []
  let subscriptions = 0
  const { url, cut } = await serve(t, {
    'stream/query': (_, answer) => answer(ok(rawDrisl(rowsOf(1, 2)))),
    'stream/event_batch': (argument, answer) => {
      batches.push([...(decodeEventBatch(argument).events[0] ?? [])])
      answer(ok(null))
    },
    'stream/subscribe_events': (_, answer, socket) => {
      subscriptions += 1
      const id = ulid(subscriptions)
      answer(ok({ subscriptionId: id }))
      const rows = rowsOf(subscriptions)
      const page = encodeSubscriptionResponse(id, { ok: true, rows, hasMore: false })
      socket.emit('stream/subscription_response', Buffer.from(page))
      if (subscriptions === 1) setImmediate(cut)
    },
  })
  const browser = await startChromium(executablePath)
  t.after(() => browser.close())
  const page = await browser.newPage()
  await page.goto(url)
  await page.addScriptTag({ content: await bundle(), type: 'module' })
  const seen: unknown = await page.evaluate(`(async () => {
    const did = 'did:plc:abcdefghijklmnopqrstuvwx'
    const client = createLeafClient(location.origin, undefined, { reconnectMs: 5 })
    const rows = await client.query(did, { name: 'q' })
    await client.sendEvent(did, new Uint8Array([9, 1, 2]).subarray(1))
    const idxs = await new Promise(resolve => {
      const idxs = []
      client.subscribeEvents(did, { name: 'q', start: 1 }, page => {
        idxs.push(...page.rows.map(row => row.idx))
        if (idxs.length === 2) resolve(idxs)
      })
    })
    client.disconnect()
    return { rows, idxs }
  })()`)
  assert.deepEqual(seen, { rows: [{ idx: 1 }, { idx: 2 }], idxs: [1, 2] })
  assert.deepEqual(batches, [[1, 2]])
})
