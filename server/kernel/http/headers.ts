import type { ServerResponse } from 'node:http'

export interface PageHeaders {
  /** Further sources by directive, for pages that need more than this server itself. */
  readonly sources?: Readonly<Record<string, readonly string[]>>
  /** Whether the page came over TLS; browsers are then told to stay with it. */
  readonly secure: boolean
}

const policy: Readonly<Record<string, readonly string[]>> = {
  'default-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
  'object-src': ["'none'"],
  'img-src': ["'self'", 'data:'],
}

/** The headers of a page: scripts, styles and connections of this server only, no frames around it, no referrer outside. */
export function pageHeaders({ sources = {}, secure }: PageHeaders): Record<string, string> {
  const merged: Record<string, readonly string[]> = { ...policy }
  for (const [directive, more] of Object.entries(sources)) {
    const had = merged[directive] ?? ["'self'"]
    merged[directive] = [...had.filter(source => source !== "'none'"), ...more]
  }
  return {
    'content-security-policy': Object.entries(merged)
      .map(([directive, list]) => `${directive} ${list.join(' ')}`)
      .join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    ...(secure ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  }
}

/** Sets headers on an answer that has not begun. */
export function setHeaders(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
}
