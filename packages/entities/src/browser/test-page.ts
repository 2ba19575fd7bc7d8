/** A page of a browser with our sources in it. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, dirname } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { chromiumPath, startChromium } from '../../../../server/test/support/browser.ts'

const folder = dirname(fileURLToPath(import.meta.url))

const browserBuild = (contents: string) =>
  ({
    stdin: { contents, resolveDir: folder, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    conditions: ['leaf-source', 'browser'],
    legalComments: 'none',
    logLevel: 'silent',
  }) satisfies BuildOptions

/** What a bundler makes of some source text of this folder, for browsers. */
export async function bundleOf(contents: string, plugins: Plugin[] = []): Promise<string> {
  const { outputFiles } = await build({ ...browserBuild(contents), plugins })
  return outputFiles[0]?.text ?? ''
}

/** What a page loads before it asks for more: bytes after gzip. */
export async function firstLoadBytes(contents: string): Promise<number> {
  const { outputFiles, metafile } = await build({
    ...browserBuild(contents),
    minify: true,
    splitting: true,
    metafile: true,
    outdir: folder,
  })
  const seen = new Set<string>()
  const load = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const one of metafile.outputs[path]?.imports ?? [])
      if (one.kind === 'import-statement') load(one.path)
  }
  load(Object.keys(metafile.outputs).find(path => path.endsWith('stdin.js')) ?? '')
  const files = outputFiles.filter(({ path }) => [...seen].some(one => path.endsWith(basename(one))))
  return files.reduce((sum, { contents: bytes }) => sum + gzipSync(bytes, { level: 9 }).length, 0)
}

/** Runs a module in Chromium, in a page with an origin. Undefined: there is no Chromium. */
export async function openPage(t: TestContext, script: string) {
  const executablePath = chromiumPath()
  if (executablePath === undefined) return undefined
  const server = createServer((request, response) => {
    const isScript = request.url === '/script.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : '<!doctype html><title>test</title>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const browser = await startChromium(executablePath)
  t.after(() => browser.close())
  const page = await browser.newPage()
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  page.on('pageerror', error => t.diagnostic(String(error.stack)))
  await page.goto(url)
  await page.addScriptTag({ url: `${url}/script.js`, type: 'module' })
  return { page, url }
}
