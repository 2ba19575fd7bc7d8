/** What this host says of the handles under its domains, by the Host that is asked. */
import type { ServerResponse } from 'node:http'
import type { Route } from '../../kernel/http/route.ts'
import type { Handles } from './handles.ts'
import type { Resolution } from './resolution.ts'

export interface WellKnownDependencies {
  readonly handles: Pick<Handles, 'isOursToResolve'>
  readonly resolution: Pick<Resolution, 'localDid'>
  /** The server's own host name, without a port. */
  readonly hostname: string
}

/**
 * `/.well-known/atproto-did`, and `/tls-check?domain=`, which a proxy asks before it gets a certificate for a name: 200
 * for this host and for handles of accounts, else 404.
 */
export function createWellKnownRoutes(dependencies: WellKnownDependencies): readonly Route[] {
  const { handles, resolution, hostname } = dependencies
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

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'access-control-allow-origin': '*',
  })
  response.end(body)
}
