/** Entities as people have them: devices in processes and in a browser that meet through Leaf, and what accounts do to them. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { WebSocket } from 'ws'
import { bundleOf, openPage } from '../../packages/entities/src/browser/test-page.ts'
import type { Card, Device, DeviceCall, Spot } from './entities/device.ts'
import { chromiumPath, startChromium } from './support/browser.ts'
import { lastCode } from './differential/world.ts'
import { onEveryEngine } from './support/engines.ts'
import { get, post, sendOk } from './support/http.ts'
import { newestMail } from './support/mail.ts'

/** A device somewhere else: the same methods, over a wire. */
type Remote = { readonly call: <T>(...call: DeviceCall) => Promise<T> }

/** How long a device may take to answer. */
const answerMsMax = 20_000

async function processDevice(t: TestContext, file = ':memory:'): Promise<Remote> {
  const path = fileURLToPath(new URL('entities/node-device.ts', import.meta.url))
  const child = fork(path, [file], { execArgv: ['--conditions=leaf-source'], stdio: 'inherit' })
  t.after(() => child.kill('SIGKILL'))
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let last = 0
  const next = (id: number) => {
    const one = Promise.withResolvers<unknown>()
    waiting.set(id, one)
    const timer = setTimeout(() => one.reject(new Error('a device did not answer')), answerMsMax)
    return one.promise.finally(() => clearTimeout(timer))
  }
  child.on('message', (message: { id: number; value?: unknown; error?: string }) => {
    const one = waiting.get(message.id)
    waiting.delete(message.id)
    if (message.error === undefined) one?.resolve(message.value)
    else one?.reject(new Error(message.error))
  })
  await next(0)
  return {
    call: async <T>(...call: DeviceCall) => {
      const id = ++last
      const answered = next(id)
      child.send({ id, call })
      return (await answered) as T
    },
  }
}

async function pageDevice(t: TestContext): Promise<Remote | undefined> {
  const module = fileURLToPath(new URL('entities/device.ts', import.meta.url))
  const script = await bundleOf(`
    import { openLeaf, idb } from './leaf.ts'
    import { webSocketTransport } from '../sync/websocket-transport.ts'
    import { createBrowserEd25519 } from './ed25519.ts'
    import { answer, createDevice } from ${JSON.stringify(module)}
    const device = createDevice(await openLeaf({ storage: idb('device') }), await createBrowserEd25519(crypto.subtle), url => webSocketTransport(new WebSocket(url)))
    globalThis.call = async call => answer(await device, JSON.parse(call))`)
  const opened = await openPage(t, script)
  if (opened === undefined) return undefined
  await opened.page.waitForFunction('globalThis.call !== undefined')
  return {
    call: async <T>(...call: DeviceCall) =>
      (await opened.page.evaluate(`globalThis.call(${JSON.stringify(JSON.stringify(call))})`)) as T,
  }
}

const own: readonly Spot[] = [{ path: [] }]
type Got = Awaited<ReturnType<Device['get']>>

onEveryEngine('entities', leaf => {
  test('two processes and a browser sync: offline edits, a delegated area, a sealed component, a link that broke', {
    timeout: 120_000,
  }, async t => {
    const { url } = leaf()
    const [ana, ben] = await Promise.all([processDevice(t), processDevice(t)])
    const cleo = (await pageDevice(t)) ?? (await processDevice(t))
    const [anaCard, benCard, cleoCard] = await Promise.all(
      [ana, ben, cleo].map(one => one.call<Card>('card')),
    )
    assert.ok(anaCard !== undefined && benCard !== undefined && cleoCard !== undefined)

    // Ana shares a part of her subspace: Cleo writes in it, Ben reads it.
    for (const [who, card, mode] of [
      [cleo, cleoCard, 'write'],
      [cleo, cleoCard, 'read'],
      [ben, benCard, 'read'],
    ] as const)
      await who.call('accept', await ana.call<string>('delegate', card.key, mode, ['shared']))
    const shared: Spot = { of: anaCard.key, path: ['shared'] }
    const inShared = (name: string): Spot => ({ of: anaCard.key, path: ['shared', name] })

    // Both write while neither hears of the other.
    await ana.call('put', inShared('a'), 'of Ana')
    await ana.call('put', { path: ['diary'] }, 'mine alone')
    await cleo.call('put', inShared('c'), 'of Cleo')
    await ana.call('seal', inShared('sealed'), 'for Ben', benCard)
    await ana.call('put', inShared('target'), 'as it was')
    await ana.call('embed', inShared('list'), inShared('target'))
    await ana.call('remove', inShared('target'))
    await ana.call('sync', url, own)
    await cleo.call('sync', url, [shared])
    await ana.call('sync', url, own)
    await ben.call('sync', url, [shared])

    for (const who of [ana, ben, cleo]) {
      assert.deepEqual((await who.call<Got>('get', inShared('a')))?.names, ['of Ana'])
      assert.deepEqual((await who.call<Got>('get', inShared('c')))?.names, ['of Cleo'])
    }
    assert.deepEqual(await ben.call<Got>('get', inShared('sealed')), { names: ['for Ben'], locked: 0 })
    assert.deepEqual(await cleo.call<Got>('get', inShared('sealed')), { names: [], locked: 1 })
    assert.equal(await ben.call<Got>('get', { of: anaCard.key, path: ['diary'] }), null)
    assert.equal(await cleo.call<Got>('get', inShared('target')), null)
    const followed = await cleo.call<{ name: string | null }>('follow', inShared('list'))
    assert.equal(followed.name, 'as it was')
    // What was not passed on is not served.
    const everything = await ben
      .call<{ served: boolean[] }>('sync', url, [{ of: anaCard.key, path: [] }])
      .catch((error: Error) => error.message)
    assert.match(String(everything), /right|may read|NotAuthorised|expected/)
  })

  test('a file outlives its process, and a restart of Leaf', { timeout: 60_000 }, async t => {
    const folder = await mkdtemp(join(tmpdir(), 'leaf-device-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'a.db')
    const first = await processDevice(t, file)
    const card = await first.call<Card>('card')
    await first.call('put', { path: ['a'] }, 'one')
    await first.call('sync', leaf().url, own)
    await first.call('close')
    await leaf().stop()
    await leaf().start()
    const again = await processDevice(t, file)
    assert.equal((await again.call<Card>('card')).key, card.key)
    const { sent } = await again.call<{ sent: number }>('sync', leaf().url, own)
    assert.equal(sent, 0)
  })

  test('what is no frame, no signature or too long ends a connection in words, and Leaf goes on', async () => {
    const address = `${leaf().url.replace(/^http/, 'ws')}/entities/sync`
    const endOf = async (message: string | Buffer) => {
      const socket = new WebSocket(address)
      const frames: Buffer[] = []
      return new Promise<number | undefined>((resolve, reject) => {
        socket.on('message', (data: Buffer) => {
          frames.push(data)
          if (frames.length === 1) socket.send(message)
        })
        socket.on('error', reject)
        socket.on('close', () => resolve(frames.find(frame => frame[0] === 10)?.[0]))
      })
    }
    for (const message of [
      'text',
      Buffer.alloc(0),
      Buffer.from([99]),
      Buffer.from([2, ...Buffer.alloc(128)]),
      Buffer.from([6]),
      Buffer.alloc(256 * 1024 + 1, 6),
    ])
      assert.equal(await endOf(message), 10, String(message.length))
    assert.equal((await fetch(`${leaf().url}/readyz`)).status, 200)
  })

  test('a person links her subspace on her account page, is found by name, and it goes with her account', {
    timeout: 90_000,
  }, async t => {
    const executable = chromiumPath()
    if (executable === undefined) return t.skip('there is no Chromium')
    const { url } = leaf()
    const browser = await startChromium(executable)
    t.after(() => browser.close())
    const page = await browser.newPage()
    const ana = await processDevice(t)
    await ana.call('put', { path: ['posts'] }, 'Hello')
    await ana.call('sync', url, own)
    const { key } = await ana.call<Card>('card')

    await page.goto(`${url}/sign-in`)
    await page.getByText('Development sign-in').click()
    await page.getByLabel('Name').fill('ana')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('button', { name: 'Create my account' }).click()
    await page.waitForURL('**/account')
    await page.getByRole('link', { name: 'Your entities' }).click()
    const query = { handle: 'ana.test' }
    const { did } = await sendOk<{ did: string }>(url, get('com.atproto.identity.resolveHandle', query))

    await page
      .getByLabel('The proof', { exact: true })
      .fill(await ana.call<string>('prove', 'did:plc:somebodyelse'))
    await page.getByRole('button', { name: 'Link', exact: true }).click()
    assert.match((await page.getByRole('status').textContent()) ?? '', /That did not work/)
    await page.getByLabel('The proof', { exact: true }).fill(await ana.call<string>('prove', did))
    await page.getByRole('button', { name: 'Link', exact: true }).click()
    assert.match((await page.getByRole('status').textContent()) ?? '', /is linked/)
    assert.equal(await page.getByText('verified both ways').count(), 1)
    await look(page, 'account')
    const record = { repo: did, collection: 'town.muni.leaf.space', rkey: 'self' }
    const { value } = await sendOk<{ value: { subspace: string } }>(
      url,
      get('com.atproto.repo.getRecord', record),
    )
    assert.equal(value.subspace, key)

    // She sees what is hers; others do not.
    await page.getByRole('link', { name: 'Look at it' }).click()
    await page.getByRole('link', { name: 'posts', exact: true }).click()
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Hello')
    await look(page, 'entity')
    assert.equal((await fetch(page.url(), { headers: { accept: 'text/html' } })).status, 404)

    await page.goto(`${url}/account`)
    await page.getByText('Set a password').click()
    await page.getByLabel('New password').fill('a long password')
    await page.getByRole('button', { name: 'Save' }).click()
    const login = { identifier: 'ana.test', password: 'a long password' }
    const session = await sendOk<{ accessJwt: string; email: string }>(
      url,
      post('com.atproto.server.createSession', login),
    )
    await sendOk(
      url,
      post('com.atproto.server.requestAccountDelete', undefined, { token: session.accessJwt }),
    )
    const token = lastCode(await newestMail(url, session.email))
    await sendOk(url, post('com.atproto.server.deleteAccount', { did, password: login.password, token }))
    const gone = async () => {
      const second = await processDevice(t)
      await second.call('sync', url, own)
      return (await fetch(`${url}/entities/v1/communal/${did}`)).status
    }
    assert.equal(await gone(), 404)
    // Her device may begin anew, as anybody may here: nothing of it was kept.
    const { sent } = await ana.call<{ sent: number }>('sync', url, own)
    assert.ok(sent > 0, 'the server had kept what the account had')
  })
})

/** Keeps what a page looks like, and sees that it fits a phone. */
async function look(page: Page, what: string): Promise<void> {
  const folder = process.env['LEAF_SCREENSHOTS']
  for (const width of [1200, 320]) {
    await page.setViewportSize({ width, height: 800 })
    const needed = Number(await page.evaluate('document.documentElement.scrollWidth'))
    assert.ok(needed <= width, `${what} is ${needed} px wide on a screen of ${width}`)
    if (folder !== undefined)
      await page.screenshot({ path: join(folder, `entities-${what}-${width}.png`), fullPage: true })
  }
}
