import { createAccount, get, post, sendOk } from '../support/http.ts'
import type { World } from './case.ts'

/** Makes the same three accounts on a server. */
export async function createWorld(server: {
  readonly url: string
  readonly plcUrl: string
  readonly mailToken: World['mailToken']
}): Promise<World> {
  const { url, plcUrl, mailToken } = server
  const { did: serverDid } = await sendOk<{ did: string }>(url, get('com.atproto.server.describeServer'))
  const alice = await createAccount(url, 'alice')
  const bob = await createAccount(url, 'bob')
  const carol = await createAccount(url, 'carol')
  await sendOk(url, post('com.atproto.server.deactivateAccount', {}, { token: carol.accessJwt }))
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
