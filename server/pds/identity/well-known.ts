/** What this host says of itself and of the handles under its domains, by the Host that is asked. */
import type { ServerResponse } from 'node:http'
import type { Route } from '../../kernel/http/route.ts'
import type { Did } from '../../kernel/identity/types.ts'
import type { Handles } from './handles.ts'
import type { Resolution } from './resolution.ts'

/** One system of this server, as its did:web document names it. */
export interface ServiceEntry {
  /** `#atproto_pds` */
  readonly id: string
  readonly type: string
  readonly serviceEndpoint: string
}

export interface WellKnownDependencies {
  readonly handles: Pick<Handles, 'isOurs' | 'isOursToResolve'>
  readonly resolution: Pick<Resolution, 'localDid'>
  /** The server's own did:web. */
  readonly serviceDid: Did
  /** The server's own host name, without a port. */
  readonly hostname: string
  /** One entry a system. */
  readonly services: readonly ServiceEntry[]
}

/**
 * `/.well-known/atproto-did`, `/.well-known/did.json`, and `/tls-check?domain=`, which a proxy asks before it gets a
 * certificate for a name: 200 for this host and for handles of accounts, else 404.
 */
export function createWellKnownRoutes(dependencies: WellKnownDependencies): readonly Route[] {
  const { handles, resolution, serviceDid, hostname, services } = dependencies
  const document = JSON.stringify({
    '@context': ['https://www.w3.org/ns/did/v1'],
    id: serviceDid,
    service: services,
  })
  return [
    {
      path: '/.well-known/atproto-did',
      methods: ['GET'],
      handle: async (_request, response, { host }) => {
        const handle = hostOf(host)
        const did = handles.isOursToResolve(handle) ? await resolution.localDid(handle) : undefined
        if (did === undefined) send(response, 404, 'User not found')
        else send(response, 200, did)
      },
    },
    {
      path: '/.well-known/did.json',
      methods: ['GET'],
      handle: (_request, response, { host }) => {
        const asked = hostOf(host)
        // A handle's host is a person's, whose DID is not did:web.
        if (asked !== hostname && handles.isOurs(asked)) send(response, 404, 'DID not found')
        else send(response, 200, document, 'application/did+json')
      },
    },
    {
      path: '/tls-check',
      methods: ['GET'],
      handle: async (request, response) => {
        const domain = hostOf(
          new URLSearchParams((request.url ?? '').split('?')[1] ?? '').get('domain') ?? '',
        )
        const known =
          domain === hostname ||
          (handles.isOursToResolve(domain) && (await resolution.localDid(domain)) !== undefined)
        if (known) send(response, 200, 'ok')
        else send(response, 404, 'no such name here')
      },
    },
  ]
}

/** Host without its port, lower case. */
function hostOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '')
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
