import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/**
 * `count` ports of 127.0.0.1 that are free at this moment, for programs that must know their port before they listen.
 * All are held open until the last is found, so that no two are the same.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}
