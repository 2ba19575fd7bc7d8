import assert from 'node:assert/strict'

/** Redirects that a visitor follows at most. */
const redirectsMax = 15

/** A page as a visitor without script sees it. */
export interface Page {
  readonly url: URL
  readonly status: number
  readonly html: string
  /** The address of each answer on the way here, this one last. */
  readonly way: readonly URL[]
}

interface Form {
  readonly method: string
  readonly action: URL
  readonly fields: ReadonlyMap<string, string>
}

/** A browser in small: cookies for each host, redirects, forms. No script. */
export interface Visitor {
  /** Goes to an address, or to a path of the place where the visitor is; `onRedirect` may throw to stop there. */
  go(address: string, onRedirect?: (to: URL) => void): Promise<Page>
  /** Fills in the form whose action begins with `action`, and sends it from `page`. */
  submit(page: Page, action: string, fields?: Readonly<Record<string, string>>): Promise<Page>
  /** Follows the link whose text or address holds `words`. */
  click(page: Page, words: string): Promise<Page>
  cookies(): ReadonlyMap<string, string>
}

export function createVisitor(home: string): Visitor {
  // Cookies do not know ports, but the servers of a test differ in nothing else.
  const jars = new Map<string, Map<string, string>>()
  const jarOf = (url: URL) => {
    const jar = jars.get(url.host) ?? new Map<string, string>()
    jars.set(url.host, jar)
    return jar
  }
  let here = new URL(home)

  const ask = async (url: URL, from: URL | undefined, body?: URLSearchParams): Promise<Response> => {
    const jar = jarOf(url)
    const site = from === undefined ? 'none' : from.origin === url.origin ? 'same-origin' : 'cross-site'
    const response = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: {
        accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
        cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
        'user-agent': 'Mozilla/5.0 (a visitor of the tests)',
        'sec-fetch-site': site,
        'sec-fetch-mode': 'navigate',
        ...(body === undefined || from === undefined ? {} : { origin: from.origin }),
      },
      ...(body === undefined ? {} : { body }),
    })
    for (const line of response.headers.getSetCookie()) keepCookie(jar, line)
    return response
  }
  const travel = async (
    start: URL,
    from: URL | undefined,
    form?: URLSearchParams,
    onRedirect?: (to: URL) => void,
  ): Promise<Page> => {
    const way: URL[] = []
    let url = start
    let body = form
    for (let hops = 0; hops < redirectsMax; hops += 1) {
      const response = await ask(url, from, body)
      way.push(url)
      const location = response.headers.get('location')
      if (response.status < 300 || response.status > 399 || location === null) {
        here = url
        return { url, status: response.status, html: await response.text(), way }
      }
      await response.body?.cancel()
      url = new URL(location, url)
      onRedirect?.(url)
      body = undefined
    }
    throw new Error(`more than ${redirectsMax} redirects: ${way.join(' → ')}`)
  }
  return {
    go: (address, onRedirect) => travel(new URL(address, here), undefined, undefined, onRedirect),
    submit: (page, action, fields = {}) => {
      const form = formOf(page, action)
      const values = new URLSearchParams([...form.fields])
      for (const [name, value] of Object.entries(fields)) values.set(name, value)
      if (form.method === 'post') return travel(form.action, page.url, values)
      form.action.search = values.toString()
      return travel(form.action, page.url)
    },
    click: (page, words) => {
      const links = [...page.html.matchAll(/<a\s([^>]*)>([\s\S]*?)<\/a>/g)]
      const link = links.find(([all]) => all.includes(words))
      const href = attribute(link?.[1] ?? '', 'href')
      assert.ok(href !== undefined, `no link with "${words}" on ${textOf(page)}`)
      return travel(new URL(href, page.url), page.url)
    },
    cookies: () => jarOf(new URL(home)),
  }
}

/** What a page says, without its frame; for messages of failures. */
export function textOf(page: Page): string {
  const main = /<main[^>]*>([\s\S]*)<\/main>/.exec(page.html)?.[1] ?? page.html
  const words = main.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')
  return `${page.status} ${page.url}: ${words.trim()}`
}

function keepCookie(jar: Map<string, string>, line: string): void {
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
  const gone = /;\s*max-age=0/i.test(line) || /;\s*expires=Thu, 01 Jan 1970/i.test(line)
  if (gone) jar.delete(name)
  else jar.set(name, value)
}

function formOf(page: Page, action: string): Form {
  const forms = [...page.html.matchAll(/<form\s([^>]*)>([\s\S]*?)<\/form>/g)]
  const found = forms.find(([, head = '']) => (attribute(head, 'action') ?? '').startsWith(action))
  assert.ok(found !== undefined, `no form for "${action}" on ${textOf(page)}`)
  const [, head = '', inside = ''] = found
  return {
    method: (attribute(head, 'method') ?? 'get').toLowerCase(),
    action: new URL(attribute(head, 'action') ?? '', page.url),
    fields: fieldsOf(inside),
  }
}

/** What the form sends when nothing is changed. */
function fieldsOf(inside: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const [, head = ''] of inside.matchAll(/<input\s([^>]*)>/g)) {
    const name = attribute(head, 'name')
    const box = attribute(head, 'type') === 'checkbox'
    if (name !== undefined && (!box || /\schecked(\s|$|=)/.test(`${head} `))) {
      fields.set(name, attribute(head, 'value') ?? '')
    }
  }
  for (const [, head = '', options = ''] of inside.matchAll(/<select\s([^>]*)>([\s\S]*?)<\/select>/g)) {
    const chosen = /<option\s([^>]*\sselected[^>]*)>/.exec(options) ?? /<option\s([^>]*)>/.exec(options)
    fields.set(attribute(head, 'name') ?? '', attribute(chosen?.[1] ?? '', 'value') ?? '')
  }
  for (const [, head = ''] of inside.matchAll(/<textarea\s([^>]*)>/g))
    fields.set(attribute(head, 'name') ?? '', '')
  return fields
}

function attribute(head: string, name: string): string | undefined {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(head)?.[1]
  return value
    ?.replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
