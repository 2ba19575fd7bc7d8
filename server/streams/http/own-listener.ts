/** What the listener of streams' own serves beside sockets and logs, as upstream does. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Route } from '../../kernel/http/route.ts'

const plain = 'text/plain; charset=utf-8'

/** The server's document, its name, and a stub that clients ask for. */
export function createOwnRoutes(options: {
  readonly serverDid: string
  /** Where streams are served. */
  readonly publicUrl: string
}): readonly Route[] {
  const document = JSON.stringify({
    '@context': ['https://www.w3.org/ns/did/v1'],
    id: options.serverDid,
    service: [leafServerEntry(options.publicUrl)],
  })
  return [
    { path: '/.well-known/did.json', methods: ['GET'], handle: sender(document, 'application/json') },
    { path: '/xrpc/space.roomy.token.v0', methods: ['POST'], handle: sender('token', plain) },
    // Upstream answers every other address so.
    { path: '/*', methods: ['GET'], handle: sender('Leaf Server API', plain) },
  ]
}

/** How a DID document names the streams of a server. */
export function leafServerEntry(publicUrl: string) {
  return { id: '#leaf_server', type: 'LeafServer', serviceEndpoint: publicUrl }
}

function sender(body: string, type: string) {
  return (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'access-control-allow-origin': '*',
    })
    response.end(body)
  }
}
