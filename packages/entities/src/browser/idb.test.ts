import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Plugin } from 'esbuild'
import { bundleOf, openPage } from './test-page.ts'

/** What the suite uses of Node, in a page. */
const shims: Readonly<Record<string, string>> = {
  'node:test': `
    const tests = (globalThis.suite ??= [])
    export const test = (name, run) => void tests.push({ name, run })`,
  'node:crypto': `
    import { sha256 } from '@noble/hashes/sha2.js'
    export const randomBytes = length => crypto.getRandomValues(new Uint8Array(length))
    export const createHash = () => {
      let text = ''
      return { update(more) { text += more; return this }, digest: () => sha256(new TextEncoder().encode(text)) }
    }`,
  'node:assert/strict': `
    const show = value => JSON.stringify(value, (_, one) =>
      typeof one === 'bigint' ? one + 'n' : one instanceof Uint8Array ? [...one].join() : one === undefined ? 'undefined' : one)
    const fail = message => { throw new Error(message) }
    const assert = {
      match: (text, form) => form.test(text) || fail('expected ' + form + ', got ' + text),
      ok: (value, message) => value || fail(message ?? 'expected something'),
      equal: (a, b, message) => Object.is(a, b) || fail((message ?? '') + ' expected ' + show(b) + ', got ' + show(a)),
      notEqual: (a, b) => !Object.is(a, b) || fail('expected something else than ' + show(a)),
      deepEqual: (a, b, message) => show(a) === show(b) || fail((message ?? '') + ' expected ' + show(b) + ', got ' + show(a)),
      rejects: async (promise, check) => {
        let error
        try { await (typeof promise === 'function' ? promise() : promise) } catch (caught) { error = caught }
        if (error === undefined) fail('expected a rejection')
        if (check instanceof RegExp && !check.test(String(error))) fail('expected ' + check + ', got ' + error)
        if (typeof check === 'function' && !check(error)) fail('expected another error than ' + error)
        if (typeof check === 'object' && !(check instanceof RegExp)) for (const key of Object.keys(check)) assert.equal(error[key], check[key])
      },
    }
    export default assert`,
  // Native verification of Node is not here; the suite does not ask for speed.
  'node/ed25519': `
    import { createPlainEd25519 } from './ed25519.ts'
    export const createNodeEd25519 = createPlainEd25519`,
}
const buffer = `
  globalThis.Buffer = {
    from: (value, encoding) => {
      const bytes = typeof value !== 'string' ? Uint8Array.from(value)
        : encoding === 'hex' ? Uint8Array.from(value.match(/../g) ?? [], byte => parseInt(byte, 16))
        : new TextEncoder().encode(value)
      bytes.toString = as => as !== 'hex' ? new TextDecoder().decode(bytes) : [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('')
      return bytes
    },
  }`
const inBrowser: Plugin = {
  name: 'in-browser',
  setup: build => {
    build.onResolve({ filter: /^node:|\/node\/ed25519\.ts$/ }, ({ path }) => ({
      path: path.startsWith('node:') ? path : 'node/ed25519',
      namespace: 'shim',
    }))
    build.onLoad({ filter: /.*/, namespace: 'shim' }, ({ path }) => ({
      contents: shims[path] ?? '',
      resolveDir: new URL('.', import.meta.url).pathname,
      loader: 'js',
    }))
  },
}

test('IndexedDB keeps rows as every store does, in Chromium', { timeout: 240_000 }, async t => {
  assert.ok((await readFile(new URL('../store/suite.ts', import.meta.url), 'utf8')).length > 0)
  const script = await bundleOf(
    `import { describeStore } from '../store/suite.ts'
    import { idbBacking } from './idb.ts'
    let count = 0
    describeStore({ name: 'IndexedDB', open: () => idbBacking('test ' + count++), runs: 15 })
    globalThis.ready = true`,
    [inBrowser],
  )
  const opened = await openPage(t, `${buffer}\n${script}`)
  if (opened === undefined) return t.skip('there is no Chromium')
  await opened.page.waitForFunction('globalThis.ready === true', undefined, { timeout: 5000 })
  const names: unknown = await opened.page.evaluate('globalThis.suite.map(({ name }) => name)')
  assert.ok(Array.isArray(names) && names.length > 5)
  for (const [index, name] of names.entries()) {
    await t.test(String(name), async () => {
      const fault: unknown = await opened.page.evaluate(
        `globalThis.suite[${index}].run({ after: () => {} }).then(() => '', error => String(error.stack))`,
      )
      assert.equal(fault, '')
    })
  }
})
