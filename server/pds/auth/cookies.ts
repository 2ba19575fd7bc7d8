/** The two cookies of pages: the session's, and one that a sign-in under way is bound to. HttpOnly, SameSite=Lax. */

/** Whose session it is, and which browser a sign-in under way belongs to. */
export type CookieName = 'session' | 'browser'

/** Reads and writes the cookies of pages. */
export interface Cookies {
  /** The value in a `Cookie` header. */
  read(header: string | undefined, name: CookieName): string | undefined
  /** A `Set-Cookie` value. */
  set(name: CookieName, value: string, maxAgeMs: number): string
  /** A `Set-Cookie` value that removes it. */
  clear(name: CookieName): string
}

export interface CookiesDeps {
  /** In production cookies are `__Host-` and Secure. */
  readonly production: boolean
  /** Browsers share cookies between the ports of a host; in development the names must differ. */
  readonly port: number
}

/** Reads and writes cookies of pages. */
export function createCookies({ production, port }: CookiesDeps): Cookies {
  const nameOf = (name: CookieName) => (production ? `__Host-leaf-${name}` : `leaf-${name}-${port}`)
  const attributes = `Path=/; HttpOnly; SameSite=Lax${production ? '; Secure' : ''}`
  return {
    read: (header, name) => {
      const wanted = `${nameOf(name)}=`
      const found = header?.split(';').find(part => part.trimStart().startsWith(wanted))
      const value = found?.trim().slice(wanted.length)
      return value !== undefined && /^[A-Za-z0-9_-]{16,128}$/.test(value) ? value : undefined
    },
    set: (name, value, maxAgeMs) =>
      `${nameOf(name)}=${value}; Max-Age=${Math.floor(maxAgeMs / 1000)}; ${attributes}`,
    clear: name => `${nameOf(name)}=; Max-Age=0; ${attributes}`,
  }
}
