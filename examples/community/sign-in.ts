/** How a program without a browser gets the tokens that a Leaf server asks for. */

export interface SignInVariables {
  /** The server's unsafe token: for the server's own operator, while developing. */
  readonly LEAF_TOKEN?: string | undefined
  /** A handle or DID with an account on the PDS at the same address, and an app password of hers. */
  readonly LEAF_IDENTIFIER?: string | undefined
  readonly LEAF_PASSWORD?: string | undefined
}

const method = 'town.muni.leaf.authenticate'

/** Gives a fresh token for each connection; undefined without variables: anonymous. */
export function createAuthenticator(
  url: string,
  variables: SignInVariables,
): (() => Promise<string>) | undefined {
  const { LEAF_TOKEN: token, LEAF_IDENTIFIER: identifier, LEAF_PASSWORD: password } = variables
  if (token !== undefined) return async () => token
  if (identifier === undefined || password === undefined) return undefined
  return async () => {
    // Who the server is, in whose name it answers for streams.
    const { id: aud } = await ask(new URL('/.well-known/did.json', url))
    const session = await ask(new URL('/xrpc/com.atproto.server.createSession', url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ identifier, password }),
    })
    const address = new URL('/xrpc/com.atproto.server.getServiceAuth', url)
    address.search = new URLSearchParams({ aud: String(aud), lxm: method }).toString()
    const answer = await ask(address, { headers: { authorization: `Bearer ${session['accessJwt']}` } })
    return String(answer['token'])
  }
}

async function ask(address: URL, init: RequestInit = {}): Promise<Record<string, unknown>> {
  const response = await fetch(address, init)
  const body: unknown = await response.json()
  if (!response.ok || typeof body !== 'object' || body === null)
    throw new Error(`${address.pathname}: ${response.status} ${JSON.stringify(body)}`)
  return { ...body }
}
