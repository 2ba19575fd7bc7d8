import { BlockList, isIP } from 'node:net'

/**
 * Who is trusted to say for whom it speaks. One rule serves the caller's address, scheme and host: from the right of
 * each `X-Forwarded-*` list, as many entries are believed as trusted proxies stand in a row.
 */
export interface ProxyTrust {
  /** Whether the machine at the other end of the connection is a trusted proxy. */
  trusts(address: string): boolean
}

/** Addresses or networks in CIDR notation, or the words `loopback` and `private`. Throws an Error that names a wrong one. */
export function createProxyTrust(networks: readonly string[]): ProxyTrust {
  const list = new BlockList()
  for (const network of networks) addNetwork(list, network)
  return {
    trusts: address => {
      const family = isIP(address)
      return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
    },
  }
}

const words: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10'],
}

function addNetwork(list: BlockList, network: string): void {
  const word = words[network]
  if (word !== undefined) {
    for (const one of word) addNetwork(list, one)
    return
  }
  const [address = '', bits] = network.split('/')
  const family = isIP(address)
  const width = family === 6 ? 128 : 32
  const prefix = bits === undefined ? width : Number(bits)
  if (family === 0 || !Number.isInteger(prefix) || bits === '' || prefix < 0 || prefix > width) {
    throw new Error(
      `expected an address, a network like 10.0.0.0/8, or one of loopback, private; got "${network}"`,
    )
  }
  list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4')
}

/** An address as everything else may compare it: lower case, no zone, IPv4-mapped IPv6 as IPv4. */
export function plainAddress(address: string): string {
  const zone = address.indexOf('%')
  const plain = (zone < 0 ? address : address.slice(0, zone)).toLowerCase()
  return plain.startsWith('::ffff:') && plain.includes('.') ? plain.slice('::ffff:'.length) : plain
}

/** Who really asks, over which scheme, and for which host. */
export interface Origin {
  readonly address: string
  readonly secure: boolean
  /** Lower case, with the port if one was given; empty when the caller named none. */
  readonly host: string
}

interface ForwardedHeaders {
  readonly host?: string | undefined
  readonly 'x-forwarded-for'?: string | string[] | undefined
  readonly 'x-forwarded-proto'?: string | string[] | undefined
  readonly 'x-forwarded-host'?: string | string[] | undefined
}

/** What a request that came through at least one trusted proxy says about its origin. */
export function forwardedOrigin(peer: string, headers: ForwardedHeaders, trust: ProxyTrust): Origin {
  const chain = valuesOf(headers['x-forwarded-for'])
  let address = peer
  let hops = 0
  while (trust.trusts(address) && hops < chain.length) {
    const next = addressOf(chain[chain.length - 1 - hops] ?? '')
    if (next === undefined) break
    address = next
    hops += 1
  }
  const trusted = Math.max(1, hops)
  const scheme = outermost(valuesOf(headers['x-forwarded-proto']), trusted)
  const host = outermost(valuesOf(headers['x-forwarded-host']), trusted) ?? headers.host ?? ''
  return {
    address,
    secure: scheme?.toLowerCase() === 'https' || scheme?.toLowerCase() === 'wss',
    host: host.toLowerCase(),
  }
}

/** The entry that the outermost trusted proxy wrote. A proxy may also replace the list by one value. */
function outermost(values: readonly string[], trusted: number): string | undefined {
  return values[Math.max(0, values.length - trusted)]
}

function valuesOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return []
  const text = typeof header === 'string' ? header : header.join(',')
  return text
    .split(',')
    .map(value => value.trim())
    .filter(value => value !== '')
}

/** Some proxies write the port too: `1.2.3.4:5678`, `[2001:db8::1]:5678`. */
function addressOf(text: string): string | undefined {
  const bare =
    /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text
  const address = plainAddress(bare)
  return isIP(address) === 0 ? undefined : address
}
