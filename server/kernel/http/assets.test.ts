import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createAssets } from './assets.ts'
import { startServer } from './test-server.ts'

async function start(t: { after(fn: () => Promise<void>): void }) {
  const folder = await mkdtemp(join(tmpdir(), 'leaf-assets-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'style.css'), 'body { color: green }\n'.repeat(100))
  await writeFile(join(folder, 'secret.env'), 'never served')
  const assets = await createAssets({ folder: pathToFileURL(`${folder}/`), prefix: '/assets' })
  const server = await startServer([assets.route])
  t.after(server.stop)
  return { assets, server }
}

test('an asset under the hash of its bytes may be kept forever', async t => {
  const { assets, server } = await start(t)
  const url = assets.url('style.css')
  assert.match(url, /^\/assets\/[0-9a-f]{12}\/style\.css$/)
  const response = await fetch(server.url + url)
  assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  assert.equal(response.headers.get('content-type'), 'text/css; charset=utf-8')
  assert.equal(response.headers.get('content-encoding'), 'gzip')
  assert.ok((await response.text()).startsWith('body { color: green }'))
})

test('under its plain name the browser asks, and hears that nothing changed', async t => {
  const { server } = await start(t)
  const first = await fetch(`${server.url}/assets/style.css`)
  assert.equal(first.headers.get('cache-control'), 'public, no-cache')
  await first.text()
  const etag = first.headers.get('etag') ?? ''
  const second = await fetch(`${server.url}/assets/style.css`, { headers: { 'if-none-match': etag } })
  assert.equal(second.status, 304)
  assert.equal(await second.text(), '')
})

test('nothing but the files of known types is served', async t => {
  const { assets, server } = await start(t)
  for (const path of [
    '/assets/secret.env',
    '/assets/../assets.ts',
    '/assets/000000000000/style.css',
    '/assets/',
  ]) {
    assert.equal((await fetch(server.url + path)).status, 404, path)
  }
  assert.throws(() => assets.url('nothing.css'), /there is no asset nothing\.css/)
})
