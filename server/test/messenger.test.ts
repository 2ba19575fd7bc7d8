/** The messenger in a real browser: two people on two relays. `LEAF_SCREENSHOTS=<folder>` keeps what it looks like. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { join } from 'node:path'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { startServer, type TestServer } from '../kernel/http/test-server.ts'
import { createMessenger } from '../skrepka/messenger/routes.ts'
import { chromiumPath, startChromium } from './support/browser.ts'
import { type Leaf, startLeaf } from './support/leaf.ts'

const executable = chromiumPath()
const skip =
  executable === undefined ? 'there is no Chromium here (set LEAF_CHROMIUM, or install chromium)' : false
const screenshots = process.env['LEAF_SCREENSHOTS']
const phone: BrowserContextOptions = { viewport: { width: 320, height: 640 }, reducedMotion: 'reduce' }
const desk: BrowserContextOptions = { viewport: { width: 1100, height: 800 } }

/** A relay, and the messenger that begins there. */
interface House {
  readonly leaf: Leaf
  readonly messenger: TestServer
}

let north: House
let south: House
let browser: Browser

async function openHouse(peers: string): Promise<House> {
  const leaf = await startLeaf({
    env: {
      LEAF_SYSTEMS: 'skrepka',
      SKREPKA_FEDERATION_SCHEME: 'http://',
      SKREPKA_RETRY_BACKOFF_BASE: '500',
      SKREPKA_BACKGROUND_PRUNE_INTERVAL: '1000',
      ...(peers === '' ? {} : { SKREPKA_SEED_PEERS: peers }),
    },
  })
  const relay = { name: new URL(leaf.url).host, url: leaf.url }
  const messenger = await startServer(await createMessenger({ relay: () => relay, production: false }))
  return { leaf, messenger }
}

before(async () => {
  if (executable === undefined) return
  north = await openHouse('')
  south = await openHouse(new URL(north.leaf.url).host)
  browser = await startChromium(executable)
})

after(async () => {
  await browser?.close()
  for (const house of [north, south]) {
    await house?.messenger.stop()
    await house?.leaf.dispose()
  }
})

interface Person {
  readonly page: Page
  readonly context: BrowserContext
  /** What the browser complained about, relays that were down left out. */
  readonly complaints: string[]
  /** The link that others open. */
  readonly link: string
}

/** Opens the messenger as somebody who was never there. */
async function open(house: House, options: BrowserContextOptions): Promise<Omit<Person, 'link'>> {
  const context = await browser.newContext({ ...options, acceptDownloads: true })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const complaints: string[] = []
  page.on('console', message => {
    const gone = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/.test(message.text())
    if (['error', 'warning'].includes(message.type()) && !gone) complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  await page.goto(house.messenger.url)
  return { page, context, complaints }
}

async function joinUp(
  house: House,
  name: string,
  options: BrowserContextOptions,
  shots = '',
): Promise<Person> {
  const person = await open(house, options)
  const { page } = person
  await page.getByRole('heading', { name: 'Letters that only you two can read' }).waitFor()
  await look(page, shots, 'welcome')
  await page.getByLabel('Your name').fill(name)
  await page.getByLabel('A passphrase').fill(`${name} and the sea`)
  await page.getByRole('button', { name: 'Make my key' }).click()
  await page.getByRole('heading', { name: 'Your key is made' }).waitFor()
  await look(page, shots, 'made')
  const link = (await page.getByLabel('Your link', { exact: true }).textContent()) ?? ''
  await page.getByRole('link', { name: 'Back' }).click()
  await page.getByText('Nobody here yet').waitFor()
  await page.getByText('Connected to').waitFor()
  await look(page, shots, 'empty')
  return { ...person, link }
}

async function look(page: Page, who: string, what: string): Promise<void> {
  const width = page.viewportSize()?.width ?? 0
  const needed = await page.evaluate('document.documentElement.scrollWidth')
  assert.ok(Number(needed) <= width, `${what} is ${String(needed)} px wide on a screen of ${width}`)
  if (screenshots !== undefined && who !== '')
    await page.screenshot({ path: join(screenshots, `messenger-${who}-${what}.png`) })
}

async function add({ page }: Person, link: string): Promise<void> {
  // As if the link had been opened: the address of the tab is that of this messenger.
  await page.evaluate(`location.hash = ${JSON.stringify(new URL(link).hash)}`)
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByLabel('Message', { exact: true }).waitFor()
}

async function write({ page }: Person, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.getByRole('button', { name: 'Send', exact: true }).click()
}

const arrived = ({ page }: Person, text: string) => page.locator('.theirs', { hasText: text })
const confirmed = ({ page }: Person, text: string) =>
  page.locator('.mine', { hasText: text }).locator('.delivered')

test('two people on two relays write, one relay dies and comes back, and nothing is lost', {
  skip,
}, async () => {
  const ana = await joinUp(north, 'Ana', phone, 'phone')
  const bo = await joinUp(south, 'Bo', { ...desk, colorScheme: 'dark' }, 'dark')
  await add(ana, bo.link)
  await look(ana.page, 'phone', 'nothing-said')
  await write(ana, 'Hello Bo, is this really closed?')

  // Ana is new to Bo: he is asked before she hears anything.
  await bo.page.getByRole('heading', { name: 'New to you' }).waitFor()
  await look(bo.page, 'dark', 'asked')
  await bo.page.getByRole('link', { name: /Ana/ }).click()
  await look(bo.page, 'dark', 'question')
  assert.equal(await confirmed(ana, 'Hello Bo').count(), 0)
  await bo.page.getByRole('button', { name: 'Write with them' }).click()
  await confirmed(ana, 'Hello Bo').waitFor()
  await write(bo, 'It is: the relays see that letters pass, and how large their envelopes are.')
  await arrived(ana, 'It is').waitFor()

  const pixels = await bo.page.screenshot({ type: 'png' })
  await ana.page
    .getByLabel('Send a picture')
    .setInputFiles({ name: 'sea.png', mimeType: 'image/png', buffer: pixels })
  await bo.page.locator('.theirs img').waitFor()
  await ana.page.locator('.mine .with-picture .delivered').waitFor()
  await look(ana.page, 'phone', 'talk')

  // The relay of Bo dies. Ana goes on writing; so does he, into his own page.
  await south.leaf.kill()
  await write(ana, 'First while your relay is down')
  await write(bo, 'Written without a relay')
  await bo.page.locator('.mine', { hasText: 'Written without' }).locator('.waiting').waitFor()
  await write(ana, 'Second while your relay is down')
  await bo.page.getByRole('link', { name: 'Back' }).click()
  await bo.page.getByText('Offline.').waitFor()
  await look(bo.page, 'dark', 'offline')
  await bo.page.getByRole('link', { name: /Ana/ }).click()

  await south.leaf.start()
  await bo.page.evaluate("dispatchEvent(new Event('online'))")
  await arrived(bo, 'First while').waitFor({ timeout: 60_000 })
  await arrived(bo, 'Second while').waitFor({ timeout: 60_000 })
  await arrived(ana, 'Written without').waitFor({ timeout: 60_000 })
  for (const text of ['First while', 'Second while']) await confirmed(ana, text).waitFor({ timeout: 60_000 })
  for (const { page } of [ana, bo]) {
    const texts = await page.locator('.bubble p').allTextContents()
    assert.equal(new Set(texts).size, texts.length, 'nothing is shown twice')
  }
  await look(bo.page, 'dark', 'talk')
  await bo.page.getByRole('link', { name: 'Back' }).click()
  await bo.page.getByRole('list', { name: 'Conversations' }).getByText('Ana').waitFor()
  await look(bo.page, 'dark', 'list')
  assert.deepEqual([...ana.complaints, ...bo.complaints], [])
  await ana.context.close()
  await bo.context.close()
})

test('a key is brought back from its backup, and opens with its passphrase only', { skip }, async () => {
  const ana = await joinUp(north, 'Ana', desk, 'light')
  await ana.page.getByRole('link', { name: /^You/ }).click()
  const saved = ana.page.waitForEvent('download')
  await ana.page.getByRole('button', { name: 'Save the backup' }).click()
  const text = await readFile(await (await saved).path(), 'utf8')
  await look(ana.page, 'light', 'you')
  const seed = await ana.page.evaluate(`(async () => {
    const open = indexedDB.open('skrepka')
    const database = await new Promise(done => { open.onsuccess = () => done(open.result) })
    const get = database.transaction('items').objectStore('items').get(['vault', 'key'])
    const kept = await new Promise(done => { get.onsuccess = () => done(get.result) })
    return { extractable: kept.signing.extractable || kept.agreement.extractable, names: Object.keys(kept) }
  })()`)
  assert.deepEqual(seed, { extractable: false, names: ['publicKey', 'signing', 'agreement'] })

  const again = await open(south, phone)
  const { page } = again
  await page.getByText('I have a key already').click()
  await page
    .getByLabel('The file of your backup')
    .setInputFiles({ name: 'key.json', mimeType: 'application/json', buffer: Buffer.from(text) })
  await page.getByLabel('Its passphrase').fill('not this one')
  await page.getByRole('button', { name: 'Bring it back' }).click()
  await page.getByText('That is not the passphrase').waitFor()
  await look(page, 'phone', 'wrong-passphrase')
  await page.getByLabel('Its passphrase').fill('Ana and the sea')
  await page.getByRole('button', { name: 'Bring it back' }).click()
  await page.getByText('Nobody here yet').waitFor()
  const link = await page.getByLabel('Your link', { exact: true }).textContent()
  const key = (from: string | null) => /skrepka:\/\/([0-9a-f]{64})/.exec(from ?? '')?.[1]
  assert.equal(key(link), key(ana.link))
  await ana.context.close()
  await again.context.close()
})

test('what was said can be read without network, and what is written then leaves later', {
  skip,
}, async () => {
  const ana = await joinUp(north, 'Ana', desk)
  const bo = await joinUp(north, 'Bo', desk)
  await add(ana, bo.link)
  await add(bo, ana.link)
  await write(ana, 'Read me on the train')
  await confirmed(ana, 'Read me').waitFor()
  await bo.page.evaluate('navigator.serviceWorker.ready')
  await bo.page.reload()
  await arrived(bo, 'Read me').waitFor()
  await bo.context.setOffline(true)
  await bo.page.reload()
  await arrived(bo, 'Read me').waitFor()
  await write(bo, 'From the tunnel')
  await bo.page.locator('.mine', { hasText: 'From the tunnel' }).locator('.waiting').waitFor()
  await bo.context.setOffline(false)
  await arrived(ana, 'From the tunnel').waitFor({ timeout: 60_000 })
  await ana.context.close()
  await bo.context.close()
})

test('somebody blocked is not heard any more, and somebody deleted is gone', { skip }, async () => {
  const ana = await joinUp(north, 'Ana', desk)
  const bo = await joinUp(north, 'Bo', desk)
  await add(ana, bo.link)
  await add(bo, ana.link)
  await write(ana, 'before')
  await arrived(bo, 'before').waitFor()
  await bo.page.getByRole('button', { name: /^About/ }).click()
  await look(bo.page, 'light', 'about')
  await bo.page.getByRole('button', { name: /^Block/ }).click()
  await bo.page.getByText('You blocked').waitFor()
  await write(ana, 'after')
  await ana.page.locator('.mine', { hasText: 'after' }).locator('.sent').waitFor()
  assert.equal(await confirmed(ana, 'after').count(), 0)
  assert.equal(await arrived(bo, 'after').count(), 0)
  await bo.page.getByRole('button', { name: /^About/ }).click()
  await bo.page.getByRole('button', { name: /^Delete/ }).click()
  await bo.page.getByRole('button', { name: /^Yes, delete/ }).click()
  await bo.page.getByText('Nobody here yet').waitFor()
  await ana.context.close()
  await bo.context.close()
})

test('the page takes no script but its own, loads nothing from elsewhere and cannot be framed', {
  skip,
}, async () => {
  const { url } = north.messenger
  const policy = (await fetch(url)).headers.get('content-security-policy') ?? ''
  assert.match(
    policy,
    /^default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self' /,
  )
  assert.match(policy, /frame-ancestors 'none'/)
  assert.doesNotMatch(policy, /unsafe|data:|\*(?!;| )/)
  for (const path of [
    '/account',
    '/xrpc/_health',
    '/auth/challenge',
    '/routes.ts',
    '/app/main.ts',
    '/%2e%2e/routes.ts',
  ]) {
    assert.equal((await fetch(url + path)).status, 404, path)
  }
  assert.equal((await fetch(url, { method: 'POST' })).status, 405)

  const { page, context } = await open(north, desk)
  const outcome = await page.evaluate(`(async () => {
    const violated = []
    document.addEventListener('securitypolicyviolation', event => violated.push(event.effectiveDirective))
    const script = document.createElement('script')
    try { script.textContent = 'window.injected = 1' } catch { violated.push('inline text') }
    document.body.append(script)
    try { document.body.innerHTML += '<img src=x onerror="window.injected = 2">' } catch { violated.push('html') }
    // Later, because a debugger's own evaluation may do what pages may not.
    await new Promise(done => setTimeout(() => {
      try { (0, eval)('window.injected = 3') } catch { violated.push('eval') }
      done()
    }))
    const image = new Image()
    image.src = 'https://elsewhere.example/pixel.png'
    await new Promise(done => { image.onerror = done })
    await fetch('http://elsewhere.example/').catch(() => violated.push('fetch'))
    return { injected: window.injected, violated }
  })()`)
  const { injected, violated } = outcome as { injected?: number; violated: string[] }
  assert.equal(injected, undefined)
  for (const what of ['html', 'eval', 'img-src', 'fetch'])
    assert.ok(violated.includes(what), `${what} was not stopped: ${violated.join()}`)
  await context.close()
})
