/**
 * What the messenger's own origin serves: one page, its script, its style, and nothing that anybody uploaded. The page
 * works in the browser alone; this server never sees a key or a word of what is written.
 */
import { createAssets } from '../../kernel/http/assets.ts'
import { setHeaders } from '../../kernel/http/headers.ts'
import type { RequestContext, Route } from '../../kernel/http/route.ts'
import type { ServerName } from '../contract.ts'

export interface MessengerOptions {
  /** The relay that a new mailbox is on: its name, and where browsers reach it. Asked at each request. */
  readonly relay: () => { readonly name: ServerName; readonly url: string }
  /** In development relays on this machine may be used without TLS. */
  readonly production: boolean
  /**
   * Origins of the only relays that the page may speak with (`https://relay.example`). Absent: every relay over TLS,
   * because people choose their own, and those whom they write to do as well.
   */
  readonly onlyRelays?: readonly string[]
}

const localRelays = ['http://localhost:*', 'http://127.0.0.1:*']

/** The routes of the messenger's listener. Nothing else may be mounted there. */
export async function createMessenger(options: MessengerOptions): Promise<readonly Route[]> {
  const assets = await createAssets({ folder: new URL('./assets/', import.meta.url), prefix: '' })
  const headers = (context: RequestContext) => messengerHeaders({ ...options, secure: context.secure })
  return [
    {
      path: '/',
      methods: ['GET'],
      handle: (_request, response, context) => {
        const body = Buffer.from(page(options.relay()))
        response.writeHead(200, {
          ...headers(context),
          'content-type': 'text/html; charset=utf-8',
          'content-length': body.length,
          'cache-control': 'no-cache',
        })
        response.end(body)
      },
    },
    {
      ...assets.route,
      handle: (request, response, context) => {
        setHeaders(response, headers(context))
        return assets.route.handle(request, response, context)
      },
    },
  ]
}

/** Headers of everything on this origin. Scripts come from here only, and only relays are spoken with. */
export function messengerHeaders(
  options: MessengerOptions & { readonly secure: boolean },
): Record<string, string> {
  const { secure, production, onlyRelays } = options
  const relays = onlyRelays ?? [
    new URL(options.relay().url).origin,
    'https:',
    ...(production ? [] : localRelays),
  ]
  const policy: Readonly<Record<string, readonly string[]>> = {
    'default-src': ["'none'"],
    'script-src': ["'self'"],
    'style-src': ["'self'"],
    // Pictures are bytes of the page's own; nothing is loaded from where a message points.
    'img-src': ["'self'", 'blob:'],
    'connect-src': ["'self'", ...new Set(relays)],
    'manifest-src': ["'self'"],
    'worker-src': ["'self'"],
    'base-uri': ["'none'"],
    'form-action': ["'none'"],
    'frame-ancestors': ["'none'"],
    // Text can become a script's address in one place only: the worker that lets the page open without network.
    'require-trusted-types-for': ["'script'"],
    'trusted-types': ['messenger'],
  }
  return {
    'content-security-policy': Object.entries(policy)
      .map(([directive, sources]) => `${directive} ${sources.join(' ')}`)
      .join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    ...(secure ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  }
}

function page({ name, url }: { readonly name: string; readonly url: string }): string {
  return `<!doctype html>
<html lang="en" data-relay="${escaped(name)}" data-relay-url="${escaped(url)}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content">
  <meta name="color-scheme" content="light dark">
  <meta name="theme-color" content="#fbfcfa" media="(prefers-color-scheme: light)">
  <meta name="theme-color" content="#0f1411" media="(prefers-color-scheme: dark)">
  <title>Skrepka</title>
  <link rel="icon" href="/messenger.svg" type="image/svg+xml">
  <link rel="manifest" href="/messenger.webmanifest">
  <link rel="stylesheet" href="/messenger.css">
  <script type="module" src="/messenger.js"></script>
</head>
<body>
  <main id="main"></main>
  <p id="said" class="visually-hidden" role="status"></p>
  <noscript><p class="page">This page closes and opens letters in your browser, so it needs its script.</p></noscript>
</body>
</html>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}
