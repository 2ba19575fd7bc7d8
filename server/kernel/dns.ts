/**
 * The system's DNS, asked directly: `getaddrinfo` would occupy the few threads that also read and write files, and
 * whoever names a slow domain could hold them.
 */
import { Resolver } from 'node:dns/promises'
import { Refusal } from './errors.ts'

const resolver = new Resolver({ timeout: 1_500, tries: 2 })

/** The IPv4 and IPv6 addresses of a host name. `localhost` and names below it are loopback. Throws when there are none. */
export async function resolveAddresses(hostname: string): Promise<readonly string[]> {
  const name = hostname.replace(/\.$/, '').toLowerCase()
  if (name === 'localhost' || name.endsWith('.localhost')) return ['127.0.0.1', '::1']
  const [four, six] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  const addresses = [four, six].flatMap(one => (one.status === 'fulfilled' ? one.value : []))
  if (addresses.length > 0) return addresses
  const cause: unknown = four.status === 'rejected' ? four.reason : undefined
  throw new Refusal('upstream', `${hostname} has no address`, { cause })
}

/** The TXT records of a name, each in its pieces. Throws when there are none. */
export function resolveTxt(name: string): Promise<readonly (readonly string[])[]> {
  return resolver.resolveTxt(name)
}
