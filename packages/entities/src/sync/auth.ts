/** How a client shows who it is: a signature over a hash that nothing else can be. */
import { william3 } from '@leaf/codec/william3'
import type { Ed25519, KeyPair } from '../crypto.ts'
import { verifyStrict } from '../crypto.ts'
import type { Auth, Hello } from './frames.ts'

const text = new TextEncoder()
const label = 'leaf sync v1\0'

/**
 * The 32 bytes that are signed. A hash, and never the parts themselves: a server could otherwise cut a delegation of a
 * capability into a challenge and a name, and have it signed.
 */
export function authMessage(
  { serverName, challenge }: Pick<Hello, 'serverName' | 'challenge'>,
  { nonce, key }: Pick<Auth, 'nonce' | 'key'>,
): Uint8Array {
  const parts = [text.encode(`${label}${serverName}\0`), challenge, nonce, key]
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return william3(bytes)
}

export async function signAuth(
  ed25519: Ed25519,
  pair: KeyPair,
  hello: Hello,
  nonce: Uint8Array,
): Promise<Auth> {
  const message = authMessage(hello, { nonce, key: pair.publicKey })
  return { key: pair.publicKey, nonce, signature: await ed25519.sign(pair, message) }
}

export function verifyAuth(
  ed25519: Ed25519,
  hello: Pick<Hello, 'serverName' | 'challenge'>,
  auth: Auth,
): Promise<boolean> {
  return verifyStrict(ed25519, auth.key, authMessage(hello, auth), auth.signature)
}
