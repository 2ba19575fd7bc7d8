/** The whole of Leaf, on the relay's own listener, as a host of the rules that need no moved time; and peers behind theirs. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { freePorts } from '../../../tools/oracles/src/ports.ts'
import { type Leaf, startLeaf } from '../support/leaf.ts'
import type { Answer, CallOptions, Host, Peer, PeerCall, Pending, Subject } from './subject.ts'
import { jsonOf } from './virtual-host.ts'

/** Time enough for what is on its way on one machine. */
const passMsMax = 250

export interface HttpHost extends Host {
  start(): Promise<void>
  stop(): Promise<void>
}

/** All rules share one Leaf: each has people and peers of its own. */
export function createHttpHost(): HttpHost {
  let leaf: Leaf | undefined
  let url = ''
  const servers: Server[] = []

  const open = async (): Promise<Subject> => {
    if (leaf === undefined) throw new Error('not started')
    const controllers: AbortController[] = []
    const begin = (path: string, body: unknown, options: CallOptions = {}): Pending => {
      const { method = 'POST', headers = {}, address = null } = options
      const controller = new AbortController()
      controllers.push(controller)
      let answer: Answer | undefined
      const settled = fetch(`${url}${path}`, {
        method,
        headers: { ...headers, ...(address !== null && { 'x-forwarded-for': address }) },
        signal: controller.signal,
        ...(method !== 'GET' && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }).then(async response => {
        const text = await response.text()
        const told = Object.fromEntries(response.headers)
        return (answer = { status: response.status, headers: told, text, json: jsonOf(text) })
      })
      // A poll that is held until the end is nobody's failure.
      settled.catch(() => undefined)
      return { answer: () => answer, settled }
    }
    return {
      serverHost: `localhost:${new URL(url).port}`,
      now: () => Date.now(),
      begin,
      call: (path, body, options) => begin(path, body, options).settled,
      pass: ms => delay(Math.min(ms, passMsMax)),
      peer: async () => {
        const { peer, server } = await startPeer(servers.length + 1)
        servers.push(server)
        return peer
      },
    }
  }

  return {
    name: 'ours on its own listener',
    kind: 'leaf',
    virtual: false,
    open,
    start: async () => {
      const [port = 0] = await freePorts(1)
      url = `http://127.0.0.1:${port}`
      leaf = await startLeaf({
        env: {
          SKREPKA_LISTEN: `127.0.0.1:${port}`,
          SKREPKA_SERVER_HOST: `localhost:${port}`,
          LEAF_SYSTEMS: 'skrepka',
          LEAF_TRUSTED_PROXIES: 'loopback',
          SKREPKA_FEDERATION_SCHEME: 'http://',
          SKREPKA_ADDRESS_RATE_LIMIT: '0',
          SKREPKA_ADDRESS_AUTH_RATE_LIMIT: '0',
          SKREPKA_GOSSIP_RATE_LIMIT: '0',
        },
      })
    },
    stop: async () => {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
      await leaf?.dispose()
    },
  }
}

async function startPeer(number: number): Promise<{ readonly peer: Peer; readonly server: Server }> {
  const calls: PeerCall[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const path = request.url ?? ''
      if (peer.answers === undefined) return void request.socket.destroy()
      if (!path.startsWith('/federation/'))
        return void response.writeHead(404, json).end('{"error":"not found"}')
      const call: PeerCall = { path, body: jsonOf(Buffer.concat(chunks).toString()) ?? {} }
      calls.push(call)
      const { status, body } = peer.answers(call)
      response.writeHead(status, json).end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // Bound to a port, so that it is one.
  const { port } = server.address() as AddressInfo
  const peer: Peer = {
    name: `localhost:${port}`,
    address: `203.0.113.${100 + number}`,
    calls,
    answers: () => ({ status: 200, body: '{}' }),
  }
  return { peer, server }
}

const json = { 'content-type': 'application/json' }
