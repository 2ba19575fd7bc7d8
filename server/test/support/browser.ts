import { existsSync } from 'node:fs'
import type { Browser } from 'playwright-core'

const candidates = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Where a Chromium is: `LEAF_CHROMIUM`, or where Debian puts it. Undefined: there is none. */
export function chromiumPath(): string | undefined {
  const given = process.env['LEAF_CHROMIUM']
  return given ?? candidates.find(path => existsSync(path))
}

/** A headless Chromium that asks nothing of the network by itself. */
export async function startChromium(executablePath: string): Promise<Browser> {
  const { chromium } = await import('playwright-core')
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}
