const charsMax = 2_048

/** A path of this server to go to after signing in; whatever is none becomes `/account`. */
export function safeReturnTo(text: string | null | undefined): string {
  const fallback = '/account'
  if (text === null || text === undefined || text.length > charsMax) return fallback
  // `//host` and `/\host` lead elsewhere in browsers.
  if (!/^\/(?![/\\])[^\\\p{Cc}\s]*$/u.test(text)) return fallback
  const base = 'http://leaf.invalid'
  const url = URL.parse(text, base)
  if (url === null || url.origin !== base) return fallback
  const path = url.pathname + url.search + url.hash
  // Taking out dots can bring slashes together: `/..//host`.
  return path.startsWith('//') ? fallback : path
}
