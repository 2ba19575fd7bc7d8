import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Random } from '../random.ts'
import { forwardedOrigin, plainAddress, type ProxyTrust } from './proxies.ts'
import type { RequestContext } from './route.ts'

/** The context of a request, with the end of its signal. */
export interface OpenContext extends RequestContext {
  /** Ends the signal: the caller went away or the server stops. */
  abort(): void
}

export type OpenContextOf = (request: IncomingMessage) => OpenContext

/** Ids that come from a trusted proxy are taken over when they look like ids. */
const foreignId = /^[A-Za-z0-9._:-]{8,128}$/

interface Peer {
  readonly address: string
  readonly trusted: boolean
  readonly secure: boolean
}

/** Makes contexts. What only depends on the connection is worked out once a connection. */
export function createContexts(options: {
  readonly trust: ProxyTrust
  readonly random: Random
}): OpenContextOf {
  const { trust, random } = options
  const prefix = Buffer.from(random.bytes(6)).toString('hex')
  const peers = new WeakMap<Socket, Peer>()
  let count = 0

  const peerOf = (socket: Socket): Peer => {
    const known = peers.get(socket)
    if (known !== undefined) return known
    const address = plainAddress(socket.remoteAddress ?? '')
    const peer = { address, trusted: trust.trusts(address), secure: 'encrypted' in socket }
    peers.set(socket, peer)
    return peer
  }

  return request => {
    const peer = peerOf(request.socket)
    const { headers } = request
    count += 1
    let id = `${prefix}-${count.toString(36)}`
    if (!peer.trusted) {
      return createContext(id, {
        address: peer.address,
        secure: peer.secure,
        host: (headers.host ?? '').toLowerCase(),
      })
    }
    const given = headers['x-request-id']
    if (typeof given === 'string' && foreignId.test(given)) id = given
    const origin = forwardedOrigin(peer.address, headers, trust)
    return createContext(id, { ...origin, secure: origin.secure || peer.secure })
  }
}

/** Most requests never look at their signal, so it is made when somebody does. */
function createContext(
  id: string,
  origin: { readonly address: string; readonly secure: boolean; readonly host: string },
): OpenContext {
  let controller: AbortController | undefined
  let aborted = false
  return {
    id,
    address: origin.address,
    secure: origin.secure,
    host: origin.host,
    get signal() {
      if (controller === undefined) {
        controller = new AbortController()
        if (aborted) controller.abort()
      }
      return controller.signal
    },
    abort: () => {
      aborted = true
      controller?.abort()
    },
  }
}
