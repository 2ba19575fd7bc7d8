/** Which names a peer may have: what is called is decided here first, and again when the name was resolved. */
import { isPublicAddress } from '../../kernel/public-address.ts'

export interface ParsedName {
  readonly host: string
  /** Undefined: the scheme's usual one. */
  readonly port: number | undefined
}

/** Characters of a server's name, the port included. */
export const serverNameLengthMax = 128

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * `host` or `host:port` in the one spelling it may have: lower case, no trailing dot, a port without leading zeros.
 * Numbers are a host only as four decimals, not as one of the shapes (hexadecimal, octal, fewer parts) that resolvers
 * read as an address too. Undefined: not a name.
 */
export function parseServerName(name: string): ParsedName | undefined {
  if (name.length > serverNameLengthMax) return undefined
  const [host = '', portText, more] = name.split(':')
  if (more !== undefined) return undefined
  if (portText !== undefined && !/^[1-9]\d{0,4}$/.test(portText)) return undefined
  const port = portText === undefined ? undefined : Number(portText)
  if (port !== undefined && port > 65_535) return undefined
  const labels = host.split('.')
  if (!labels.every(one => label.test(one))) return undefined
  if (looksNumeric(labels) && !isDottedDecimal(host)) return undefined
  return { host, port }
}

/** Resolvers and URL parsers read a host as an IPv4 address when its last label is a number in any notation. */
function looksNumeric(labels: readonly string[]): boolean {
  return /^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')
}

function isDottedDecimal(host: string): boolean {
  const parts = host.split('.')
  return parts.length === 4 && parts.every(part => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)
}

const privateSuffixes = ['.localhost', '.local', '.internal', '.arpa', '.onion', '.lan', '.home', '.intranet']

/** Whether a host is not meant for the public internet: no dot, a reserved suffix, an address that is not public. */
export function isPrivateHost(host: string): boolean {
  if (isDottedDecimal(host)) return !isPublicAddress(host)
  return !host.includes('.') || privateSuffixes.some(suffix => host.endsWith(suffix))
}

export interface NameRuleOptions {
  readonly serverHost: string
  readonly lengthMax: number
  /** Ports that may be named besides the usual one. */
  readonly ports: readonly number[]
  /** Names that are always good if they can be read: the operator wrote them down. */
  readonly trusted: readonly string[]
  /** When not empty, all others but `trusted` are bad. */
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}

/** Tells whether a name may be a peer. */
export type NameRule = (name: string) => boolean

/**
 * The rule of one relay. With a public name of its own it federates with public names at the usual port only; one whose
 * own name is private (two relays on one machine, a closed network) may talk to private names and any port.
 */
export function createNameRule(options: NameRuleOptions): NameRule {
  const { serverHost, lengthMax, ports } = options
  const own = parseServerName(serverHost)
  const isPrivate = own === undefined || isPrivateHost(own.host)
  const trusted = new Set(options.trusted)
  const allow = new Set(options.allow)
  const deny = new Set(options.deny)
  return name => {
    const parsed = name.length <= lengthMax ? parseServerName(name) : undefined
    if (parsed === undefined || name === serverHost || deny.has(name)) return false
    if (trusted.has(name)) return true
    if (allow.size > 0) return allow.has(name)
    if (isPrivate) return true
    // An address has no name that a certificate could show; a bare relay can still be a trusted one.
    if (isPrivateHost(parsed.host) || isDottedDecimal(parsed.host)) return false
    return parsed.port === undefined || ports.includes(parsed.port)
  }
}
