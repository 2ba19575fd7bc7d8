/** The frame of every page: head, top line, main, foot. */
import { html, raw } from 'hono/html'

/** What a template gives. */
export type Html = ReturnType<typeof html>

/** Who looks at the page, as its top line shows her. */
export interface Viewer {
  readonly handle: string
  /** Goes into every form that changes something. */
  readonly csrf: string
}

export interface PageOptions {
  readonly title: string
  readonly viewer?: Viewer | undefined
  /** Two columns where there is room. */
  readonly wide?: boolean
  /** Islands of script, by the name of their asset. */
  readonly scripts?: readonly string[]
  /** Links at the top for development: mail. */
  readonly development?: boolean
  /** Leads on at once, by the browser. */
  readonly forwardTo?: string
  /** Where assets are, with their version: `asset('leaf.css')`. */
  readonly asset: (name: string) => string
}

/** The leaf of the top line; decorative. */
const leafMark = raw(
  '<svg viewBox="0 0 24 24" fill="none" aria-hidden="true"><path d="M20 4C10 4 4 9 4 16c0 2 .6 3.400 1.200 4.200C7 14 11 10.500 16 9c-4 2.500-7.500 6-9.200 11.600C8 21 9 21 10 21c7 0 10.500-6 10-17Z" fill="currentColor"/></svg>',
)

/** A whole document around `body`. */
export function page(options: PageOptions, body: Html): Html {
  const { title, viewer, asset } = options
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="referrer" content="same-origin">
  ${options.forwardTo === undefined ? '' : html`<meta http-equiv="refresh" content="0;url=${options.forwardTo}">`}
  <title>${title} · Leaf</title>
  <link rel="icon" href="${asset('leaf.svg')}" type="image/svg+xml">
  <link rel="stylesheet" href="${asset('leaf.css')}">
  ${(options.scripts ?? []).map(name => html`<script type="module" src="${asset(name)}"></script>`)}
</head>
<body>
  <a class="skip" href="#main">Skip to the content</a>
  <header class="top">
    <a class="brand" href="/" aria-label="Leaf, home">${leafMark}<span>Leaf</span></a>
    <nav aria-label="Account">
      ${options.development === true ? html`<a href="/mail">Mail</a>` : ''}
      ${viewer === undefined ? html`<a href="/sign-in">Sign in</a>` : signedIn(viewer)}
    </nav>
  </header>
  <main id="main" class="${options.wide === true ? 'wide' : ''}">
    ${body}
  </main>
  <footer class="foot"><div>
    <span>Leaf, a corner of the open social web</span>
    <a href="/xrpc/com.atproto.server.describeServer">What this server says of itself</a>
    <a href="/.well-known/did.json">Its identity</a>
  </div></footer>
</body>
</html>`
}

function signedIn(viewer: Viewer): Html {
  return html`<a href="/account">@${viewer.handle}</a>
      <form method="post" action="/pds/auth/sign-out">${csrfField(viewer.csrf)}<button class="quiet small">Sign out</button></form>`
}

/** The hidden field that proves a form is ours. */
export function csrfField(token: string): Html {
  return html`<input type="hidden" name="csrf" value="${token}">`
}

/** Lines to copy; the button appears where script runs. */
export function copyBlock(code: string, label: string): Html {
  return html`<div class="copy" data-copy><pre aria-label="${label}" tabindex="0"><code>${code}</code></pre></div>`
}
