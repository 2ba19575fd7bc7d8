import { type Account, createAccount, get, post, sendOk } from '../support/http.ts'
import type { World } from './case.ts'

/** A server that runs. */
export type Place = Pick<World, 'url' | 'plcUrl' | 'mailToken'>

const nobody: Account = { did: '', handle: '', email: '', password: '', accessJwt: '', refreshJwt: '' }

/** Makes the same three accounts on a server, or none. */
export async function createWorld(place: Place, options: { readonly accounts: boolean }): Promise<World> {
  const { url, plcUrl, mailToken } = place
  const { did: serverDid } = await sendOk<{ did: string }>(url, get('com.atproto.server.describeServer'))
  const account = async (name: string) => (options.accounts ? createAccount(url, name) : nobody)
  const alice = await account('alice')
  const bob = await account('bob')
  const carol = await account('carol')
  if (options.accounts) {
    await sendOk(url, post('com.atproto.server.deactivateAccount', {}, { token: carol.accessJwt }))
  }
  return { url, plcUrl, serverDid, alice, bob, carol, kept: new Map(), mailToken }
}

/** Codes that go out by mail: two groups of five. */
const codePattern = /\b[A-Z2-7]{5}-[A-Z2-7]{5}\b/g

/** The last code in a text. */
export function lastCode(text: string): string {
  const code = text.match(codePattern)?.at(-1)
  if (code === undefined) throw new Error(`no code in the mail: ${text.slice(0, 500)}`)
  return code
}
