/** The name in a Host header, without port, lower case; brackets of IPv6 stay. */
export function hostName(host: string): string {
  const end = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':')
  return (end <= 0 ? host : host.slice(0, end)).toLowerCase()
}

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Whether a Host may only mean this machine. Development refuses every other one, so that a web page somewhere cannot
 * reach the server by pointing its own name at 127.0.0.1.
 */
export function isLocalHost(host: string): boolean {
  const name = hostName(host)
  return loopbackNames.has(name) || name.endsWith('.test') || name.endsWith('.localhost')
}

/** Whether an address is this machine's own loopback. IPv4-mapped addresses must be plain already. */
export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}
