import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { StartFault } from '../lifecycle.ts'
import { portHolder } from './port-holder.ts'

/**
 * Makes one server listen for each host, all on one port, and gives that port. A host that this machine does not have
 * (no IPv6) is passed over as long as another one listens.
 */
export async function listenOn(
  newServer: () => Server,
  hosts: readonly string[],
  port: number,
): Promise<number> {
  let bound = port
  let listening = 0
  let absent: unknown
  for (const host of hosts) {
    const server = newServer()
    try {
      await listenOnce(server, host, bound)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'EADDRINUSE') throw await portTaken(bound, error)
      if (code === 'EACCES') {
        throw new StartFault(
          `this user may not listen on port ${bound}: take one above 1023, or let a proxy stand in front`,
        )
      }
      if (code !== 'EADDRNOTAVAIL' && code !== 'EAFNOSUPPORT') throw error
      absent = error
      continue
    }
    listening += 1
    bound = addressOf(server).port
  }
  if (listening === 0) {
    throw new StartFault(`none of the addresses ${hosts.join(', ')} belongs to this machine`, {
      cause: absent,
    })
  }
  return bound
}

function listenOnce(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // `::` alone would also take IPv4, which has a server of its own when it is in the list.
    server.listen({ host, port, ipv6Only: host === '::1' }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function addressOf(server: Server): AddressInfo {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port')
  return address
}

async function portTaken(port: number, cause: unknown): Promise<StartFault> {
  const holder = await portHolder(port)
  const who = holder === undefined ? 'another program' : `${holder.name} (process ${holder.pid})`
  return new StartFault(
    `port ${port} is taken by ${who}. stop it, or choose another port: leaf start --port ${port + 1}`,
    { cause },
  )
}
