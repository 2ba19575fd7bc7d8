/** The house's own identity: a did:web, whose document has one service entry a system. */
import type { ServerResponse } from 'node:http'
import type { Route } from '../http/route.ts'
import type { Did } from './types.ts'

/** Where the house is, as others name it. */
export interface OwnName {
  /** `did:web:<host>`, in development with its port. */
  readonly did: Did
  /** Without a port. */
  readonly hostname: string
}

/** The name that follows from the public address, or from the host name that the operator set. */
export function ownNameOf(publicUrl: string, hostname: string | undefined): OwnName {
  const url = new URL(publicUrl)
  return {
    did: `did:web:${hostname ?? url.host.replace(':', '%3A')}`,
    hostname: hostname ?? url.hostname,
  }
}

/** One system of this server, as its did:web document names it. */
export interface ServiceEntry {
  /** `#atproto_pds` */
  readonly id: string
  readonly type: string
  readonly serviceEndpoint: string
}

/**
 * `/.well-known/did.json`. Hosts that belong to people (handles) have no did:web here: 404.
 * https://w3c-ccg.github.io/did-method-web/
 */
export function createDidDocumentRoute(options: {
  readonly name: OwnName
  readonly services: readonly ServiceEntry[]
  readonly isPersonsHost: (hostname: string) => boolean
}): Route {
  const { name, services, isPersonsHost } = options
  const document = JSON.stringify({
    '@context': ['https://www.w3.org/ns/did/v1'],
    id: name.did,
    service: services,
  })
  return {
    path: '/.well-known/did.json',
    methods: ['GET'],
    handle: (_request, response, { host }) => {
      const asked = host.toLowerCase().replace(/:\d*$/, '')
      if (asked !== name.hostname && isPersonsHost(asked)) send(response, 404, 'DID not found')
      else send(response, 200, document, 'application/did+json')
    },
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'access-control-allow-origin': '*',
  })
  response.end(body)
}
