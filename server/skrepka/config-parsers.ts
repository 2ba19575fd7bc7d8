/** How the relay's own kinds of settings are read. */
import { createProxyTrust } from '../kernel/http/proxies.ts'

export interface ListenAddress {
  /** An IP address. */
  readonly host: string
  /** 0: a free one. */
  readonly port: number
}

/** `8080`, `127.0.0.1:8080`, `[::1]:8080`. A port alone means every address. */
export function listenAddress(input: string): ListenAddress {
  const match = /^(?:(?:\[(?<six>[^\]]+)\]|(?<four>[^:]+))?:)?(?<port>\d{1,5})$/.exec(input)
  const { six, four, port: digits = '' } = match?.groups ?? {}
  const host = six ?? four ?? '::'
  const port = Number(digits)
  if (match === null || !isAddress(host) || port > 65_535) {
    throw new Error(`expected a port, or an address with a port like 127.0.0.1:8080, got "${input}"`)
  }
  return { host, port }
}

function isAddress(text: string): boolean {
  try {
    createProxyTrust([text])
    return /^[0-9a-f.:]+$/i.test(text)
  } catch {
    return false
  }
}

/** A relay's name in its one spelling: lower case, no trailing dot. */
export function serverName(input: string): string {
  const name = input.toLowerCase().replace(/\.+$/, '')
  if (!/^[a-z0-9.-]+(?::\d{1,5})?$/.test(name) || name.length > 128) {
    throw new Error(`expected a host name, with a port if it is not the usual one, got "${input}"`)
  }
  return name
}

/** `https://` or `http://`. */
export function schemeText(input: string): string {
  if (input !== 'https://' && input !== 'http://')
    throw new Error(`expected https:// or http://, got "${input}"`)
  return input
}
