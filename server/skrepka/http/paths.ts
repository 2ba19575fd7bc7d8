/** The relay's paths. */
import type { SkrepkaSettings } from '../config.ts'

/** Paths that the house's port gives to the relay; the relay's own listener has every path. */
export const relayPaths: readonly string[] = [
  '/auth/challenge',
  '/auth/verify',
  '/poll',
  '/messages',
  '/federation/gossip',
  '/federation/forward',
  '/.well-known/skrepka-relay',
  '/skrepka/*',
]

/** A body that is not mail has some hundred bytes; gossip of a hundred events some ten thousand. */
const smallBodyBytesMax = 256 * 1024

const mailPaths: ReadonlySet<string> = new Set(['/messages', '/federation/forward', '/skrepka/forward'])

/** Bytes of a body at this path. */
export function bodyBytesMaxOf(path: string, settings: Pick<SkrepkaSettings, 'httpMaxBodyBytes'>): number {
  return mailPaths.has(path) ? settings.httpMaxBodyBytes : smallBodyBytesMax
}

/** Whether mail comes in at this path. */
export function isMailPath(path: string): boolean {
  return mailPaths.has(path)
}

/** A path as the seed's runtime reads it: empty segments do not count. */
export function normalPath(path: string): string {
  if (!path.includes('//') && !path.endsWith('/')) return path
  return `/${path.split('/').filter(Boolean).join('/')}`
}
