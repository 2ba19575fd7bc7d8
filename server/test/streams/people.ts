/** People of a whole Leaf, and the published client in their hands. */
import { LeafClient } from '@muni-town/leaf-client'
import { type Account, createAccount, get, sendOk } from '../support/http.ts'
import type { Leaf } from '../support/leaf.ts'

export const authenticateMethod = 'town.muni.leaf.authenticate'

/** What the operator's services connect with. */
export const unsafeToken = 'the-unsafe-token-of-these-tests-long-enough'

/** Throttles out of the way, for tests of something else. */
export const raisedLimits: Readonly<Record<string, string>> = {
  UNSAFE_AUTH_TOKEN: unsafeToken,
  STREAM_CREATE_LIMIT_PER_WINDOW: '1000000',
  STREAM_SUBSCRIBE_LIMIT_PER_WINDOW: '1000000',
  MAX_ACTIVE_SUBSCRIPTIONS_PER_ACTOR: '1000000',
}

/** The server's DID, as it says itself. */
export async function serverDidOf(leaf: Leaf): Promise<string> {
  const document = (await (await fetch(`${leaf.url}/.well-known/did.json`)).json()) as { readonly id: string }
  return document.id
}

/** For whom a token is, and for what; by default for streams of this server. */
interface TokenClaims {
  readonly aud?: string
  readonly lxm?: string
}

/** A token of the account's PDS, which is the same Leaf. */
export async function serviceToken(leaf: Leaf, account: Account, claims: TokenClaims = {}): Promise<string> {
  const query = { aud: claims.aud ?? (await serverDidOf(leaf)), lxm: claims.lxm ?? authenticateMethod }
  const call = get('com.atproto.server.getServiceAuth', query, { token: account.accessJwt })
  return (await sendOk<{ token: string }>(leaf.url, call)).token
}

/** Somebody with an account and a connection. */
export interface Person extends Account {
  readonly client: LeafClient
}

/** Connections of one test, to be closed together. */
export interface People {
  /** Creates `<name>.test` and connects as her. */
  person(name: string, claims?: TokenClaims): Promise<Person>
  /** Connects with a token, or as nobody; settles when the server has said who it is. Rejects with its `error`. */
  connect(token?: string): Promise<LeafClient>
  disconnect(): void
}

export function createPeople(leaf: () => Leaf): People {
  const clients: LeafClient[] = []
  const connect = async (token?: string) => {
    const client = new LeafClient(leaf().url, token === undefined ? undefined : async () => token)
    clients.push(client)
    await new Promise<void>((resolve, reject) => {
      client.on('authenticated', () => resolve())
      client.on('error', text => reject(new Error(text)))
    })
    return client
  }
  return {
    connect,
    person: async (name, claims) => {
      const account = await createAccount(leaf().url, name)
      return { ...account, client: await connect(await serviceToken(leaf(), account, claims)) }
    },
    disconnect: () => {
      for (const client of clients.splice(0)) client.disconnect()
    },
  }
}
