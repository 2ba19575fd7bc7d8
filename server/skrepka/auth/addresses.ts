/** What of a caller's address is kept: a pseudonym, so that no address lies in the database. */
import { createHmac, createSecretKey } from 'node:crypto'

export interface Addresses {
  /** What a session that starts at this address is bound to; empty: to nothing. */
  bind(address: string, forwarded: boolean): string
  /** A pseudonym of an address's network. */
  network(address: string): string
}

/** Addresses by the rule of the settings. `exact` and `prefix` bind only those that a trusted proxy told of, as the seed does. */
export function createAddresses(options: {
  readonly houseKey: Uint8Array
  readonly binding: 'exact' | 'prefix' | 'off'
}): Addresses {
  const key = createSecretKey(options.houseKey)
  const pseudonym = (kind: string, text: string) =>
    createHmac('sha256', key).update(`skrepka-${kind}-v1\0${text}`).digest('base64url').slice(0, 22)
  return {
    bind: (address, forwarded) => {
      if (!forwarded || options.binding === 'off') return ''
      return pseudonym('address', options.binding === 'exact' ? address : networkOf(address))
    },
    network: address => pseudonym('network', networkOf(address)),
  }
}

/** The first 24 bits of an IPv4 address, the first 64 of an IPv6 address, as text; other texts as they are. */
export function networkOf(address: string): string {
  if (!address.includes(':')) {
    const parts = address.split('.')
    return parts.length === 4 ? parts.slice(0, 3).join('.') : address
  }
  const [head = '', tail = ''] = address.split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === '' ? [] : tail.split(':')
  const filled = [
    ...first,
    ...Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => '0'),
    ...last,
  ]
  return filled
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')
}
