/** The pages in a real browser. `LEAF_SCREENSHOTS=<folder>` keeps what they look like. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { chromiumPath, startChromium } from './support/browser.ts'
import { type Leaf, startLeaf } from './support/leaf.ts'

const executable = chromiumPath()
const skip =
  executable === undefined ? 'there is no Chromium here (set LEAF_CHROMIUM, or install chromium)' : false
const screenshots = process.env['LEAF_SCREENSHOTS']

const looks: Readonly<Record<string, BrowserContextOptions>> = {
  light: { viewport: { width: 1200, height: 900 } },
  dark: { viewport: { width: 1200, height: 900 }, colorScheme: 'dark' },
  phone: { viewport: { width: 320, height: 720 }, reducedMotion: 'reduce' },
}

let leaf: Leaf
let browser: Browser

before(async () => {
  if (executable === undefined) return
  leaf = await startLeaf()
  browser = await startChromium(executable)
})

after(async () => {
  await browser?.close()
  await leaf?.dispose()
})

/** A page that remembers what the browser complained about. */
async function open(options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  return { page, complaints }
}

/** Signs a made-up person in and leaves her on the account page. */
async function signUp(page: Page, name: string, url = leaf.url): Promise<void> {
  await page.goto(`${url}/sign-in`)
  await page.getByText('Development sign-in').click()
  await page.getByLabel('Name').fill(name)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'Create my account' }).click()
  await page.waitForURL('**/account')
}

async function look(page: Page, what: string, how: string): Promise<void> {
  const width = page.viewportSize()?.width ?? 0
  const needed = await page.evaluate('document.documentElement.scrollWidth')
  assert.ok(Number(needed) <= width, `${what} is ${String(needed)} px wide on a screen of ${width} (${how})`)
  if (screenshots !== undefined)
    await page.screenshot({ path: join(screenshots, `${what}-${how}.png`), fullPage: true })
}

for (const [how, options] of Object.entries(looks)) {
  test(`a person joins, posts, sees it arrive and connects a client (${how})`, { skip }, async () => {
    const { page, complaints } = await open(options)
    await page.goto(leaf.url)
    await page.getByText('Sign in or join').waitFor()
    await look(page, 'home', how)
    await page.getByText('Sign in or join').click()
    await look(page, 'sign-in', how)
    await page.getByText('Development sign-in').click()
    await page.getByLabel('Name').fill(`maria-${how}`)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText(`@maria-${how}.test is free.`).waitFor()
    await look(page, 'handle', how)
    await page.getByRole('button', { name: 'Create my account' }).click()
    await page.waitForURL('**/account')
    await page.locator('#feed[data-live]').waitFor()

    await page.getByLabel('Text').fill(`Hello from ${how}`)
    await page.getByRole('button', { name: 'Post' }).click()
    await page.locator('#feed').getByText(`Hello from ${how}`).waitFor()
    await page.getByText('Stored and signed').waitFor()

    await page.getByRole('button', { name: 'Make an app password' }).click()
    const lines = await page.getByLabel('Lines for @atproto/api').textContent()
    await look(page, 'account', how)
    const password = /password: '([a-z2-7]{4}(?:-[a-z2-7]{4}){3})'/.exec(lines ?? '')?.[1]
    assert.ok(password !== undefined, `the snippet holds an app password: ${lines}`)
    const answer = await fetch(`${leaf.url}/xrpc/com.atproto.server.createSession`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ identifier: `maria-${how}.test`, password }),
    })
    assert.equal(answer.status, 200)
    assert.deepEqual(complaints, [])
    await page.context().close()
  })
}

test('a handle that is taken is told while it is typed', { skip }, async () => {
  const first = await open()
  await signUp(first.page, 'taken-name')
  await first.page.context().close()
  const { page } = await open()
  await page.goto(`${leaf.url}/sign-in`)
  await page.getByText('Development sign-in').click()
  await page.getByLabel('Name').fill('somebody-else')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByLabel('Handle', { exact: true }).fill('taken-name')
  await page.locator('.hint.bad').waitFor()
  await page.getByLabel('Handle', { exact: true }).fill('free-name')
  await page.getByText('@free-name.test is free.').waitFor()
  await page.context().close()
})

test('without script a person still joins and posts', { skip }, async () => {
  const { page } = await open({ javaScriptEnabled: false })
  await signUp(page, 'no-script')
  await page.getByLabel('Text').fill('Plain forms do')
  await page.getByRole('button', { name: 'Post' }).click()
  await page.getByText('Stored and signed').waitFor()
  await page.context().close()
})

test('a post whose form was not made by this server changes nothing', { skip }, async () => {
  const { page } = await open()
  await signUp(page, 'forged')
  const cookies = await page.context().cookies()
  const answer = await fetch(`${leaf.url}/account/post`, {
    method: 'POST',
    headers: {
      cookie: cookies.map(cookie => `${cookie.name}=${cookie.value}`).join('; '),
      'content-type': 'application/x-www-form-urlencoded',
      origin: leaf.url,
      accept: 'application/json',
    },
    body: new URLSearchParams({ csrf: 'guessed', text: 'not mine' }),
  })
  assert.equal(answer.status, 403)
  await page.reload()
  await page.getByText('Write your first post').waitFor()
  await page.context().close()
})

test('who was signed out elsewhere is told so where she posts, and keeps her text', { skip }, async () => {
  const { page } = await open()
  await signUp(page, 'signed-out')
  await page.context().clearCookies()
  await page.getByLabel('Text').fill('Do not lose me')
  await page.getByRole('button', { name: 'Post' }).click()
  await page.getByText('you are signed out; please sign in again').waitFor()
  assert.equal(await page.getByLabel('Text').inputValue(), 'Do not lose me')
  await page.context().close()
})

test('posts of the page are limited like any other write', { skip }, async () => {
  const limited = await startLeaf({ env: { PDS_RATE_LIMITS: 'reference', PDS_RATE_WRITE: '1/3600' } })
  try {
    const { page } = await open()
    await signUp(page, 'in-a-hurry', limited.url)
    await page.getByLabel('Text').fill('one')
    await page.getByRole('button', { name: 'Post' }).click()
    await page.getByText('Stored and signed').waitFor()
    await page.getByLabel('Text').fill('two')
    await page.getByRole('button', { name: 'Post' }).click()
    await page.getByText('too many attempts from here').waitFor()
    await page.context().close()
  } finally {
    await limited.dispose()
  }
})

test('signing out ends the session, and the account page asks to sign in', { skip }, async () => {
  const { page } = await open()
  await signUp(page, 'leaver')
  await page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await page.goto(`${leaf.url}/account`)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.context().close()
})

test('every page can be used by keyboard: the first stop leads to the content', { skip }, async () => {
  const { page } = await open()
  await page.goto(leaf.url)
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the content')
  await page.context().close()
})
