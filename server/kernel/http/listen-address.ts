/** Where a listener of its own is: how settings write it. */
import { isIP } from 'node:net'

export interface ListenAddress {
  /** An IP address. */
  readonly host: string
  /** 0: a free one. */
  readonly port: number
}

/** `5530` or `:5530`, `127.0.0.1:5530`, `[::1]:5530`. A port alone means every address. Throws an Error for the reader of settings. */
export function listenAddress(input: string): ListenAddress {
  const match = /^(?:(?:\[(?<six>[^\]]+)\]|(?<four>[^:]+))?:)?(?<port>\d{1,5})$/.exec(input)
  const { six, four, port: digits = '' } = match?.groups ?? {}
  const host = six ?? four ?? '::'
  const port = Number(digits)
  if (match === null || isIP(host) === 0 || port > 65_535) {
    throw new Error(`expected a port, or an address with a port like 127.0.0.1:5530, got "${input}"`)
  }
  return { host, port }
}
