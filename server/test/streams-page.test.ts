/** The home page's stream in a real browser. `LEAF_SCREENSHOTS=<folder>` keeps what it looks like. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
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

async function signUp(page: Page, name: string): Promise<void> {
  await page.goto(`${leaf.url}/sign-in`)
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
  test(`a line that is sent makes a stream, arrives with its number, and is there again (${how})`, {
    skip,
  }, async () => {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    page.setDefaultTimeout(20_000)
    const complaints: string[] = []
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    page.on('pageerror', error => complaints.push(error.message))
    await signUp(page, `guest-${how}`)
    await page.goto(leaf.url)
    await page.getByLabel('A line for the guestbook').fill(`Hello from ${how}`)
    await page.getByRole('button', { name: 'Send' }).click()
    await page.locator('#stream-events').getByText(`Hello from ${how}`).waitFor()
    await page.locator('#stream-events').getByText('#1').waitFor()
    await page.getByText('Stored, and sent to everybody').waitFor()
    await look(page, 'home-stream', how)

    const did = (await page.locator('[data-did]').textContent()) ?? ''
    const log = await fetch(`${leaf.url}/streams/${did}/events`)
    assert.equal(log.status, 200)
    await page.reload()
    await page.locator('#stream-events').getByText(`Hello from ${how}`).waitFor()
    assert.deepEqual(complaints, [])
    await context.close()
  })
}

test('a line that the module refuses is told in its words, and the text stays', { skip }, async () => {
  const page = await browser.newPage()
  page.setDefaultTimeout(20_000)
  await signUp(page, 'too-short')
  await page.goto(leaf.url)
  const field = page.getByLabel('A line for the guestbook')
  await field.fill('   ')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.getByText('a line of 1 to 280 characters').waitFor()
  assert.equal(await field.inputValue(), '   ')
  await page.close()
})

test('a token for streams is not given to nobody, nor to a page that is not ours', { skip }, async () => {
  const anonymous = await fetch(`${leaf.url}/account/service-token`, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: 'csrf=nothing',
  })
  assert.equal(anonymous.status, 401)
  const page = await browser.newPage()
  await signUp(page, 'forged')
  const answer = await page.request.post(`${leaf.url}/account/service-token`, { form: { csrf: 'wrong' } })
  assert.equal(answer.status(), 403)
  await page.close()
})
