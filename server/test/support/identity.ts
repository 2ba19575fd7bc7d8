import { request } from 'node:http'
import { IdResolver } from '@atproto/identity'

interface Server {
  readonly url: string
  readonly plcUrl: string
}

/**
 * `@atproto/identity`'s resolver, for one Leaf: DIDs come from its PLC directory, and `https://<handle>/…` reaches
 * Leaf itself with that Host, as a proxy in front of it would have it. Nothing is asked of the DNS.
 */
export function resolverFor(server: Server): IdResolver {
  const resolver = new IdResolver({
    plcUrl: server.plcUrl,
    timeout: 5_000,
    fetch: (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input)
      return url.hostname.endsWith('.test') ? fetchByHost(server.url, url) : fetch(input, init)
    },
  })
  resolver.handle.resolveDns = async () => undefined
  return resolver
}

function fetchByHost(serverUrl: string, url: URL): Promise<Response> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(url.pathname, serverUrl), { headers: { host: url.host } }, answer => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () =>
        resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 500 })),
      )
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** The did:key that signs an account's commits, from its DID document. */
export async function signingKeyOf(server: Server, did: string): Promise<string> {
  const data = await resolverFor(server).did.resolveAtprotoData(did)
  return data.signingKey
}
