import { createHash } from 'node:crypto'
import { william3 } from '@leaf/codec/william3'
import type { Ed25519, KeyPair } from '../crypto.ts'
import { communalCapability } from '../meadowcap/capability.ts'
import { type AuthorisedEntry, authorise, type Verifier } from '../meadowcap/verify.ts'
import { createNodeEd25519 } from '../node/ed25519.ts'
import type { Path } from '../willow/path.ts'

export const ed25519: Ed25519 = createNodeEd25519()
/** The well-known communal namespace of Leaf. */
export const namespace = new Uint8Array(
  Buffer.from('d41b58ca08e1299bcb1f915dfabc84c305ef20cdb3c756a4aa269b51268635ec', 'hex'),
)

/** A key that is the same in every run. */
export async function personOf(name: string): Promise<KeyPair> {
  const secretKey = new Uint8Array(createHash('sha256').update(name).digest())
  return { secretKey, publicKey: await ed25519.publicKeyOf(secretKey) }
}

export const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value))
export const pathOf = (...words: readonly string[]): Path => words.map(text)

export interface Draft {
  readonly path: Path
  readonly timestamp: bigint
  readonly payload: Uint8Array
}

/** An entry of a person in the namespace, signed. */
export async function signed(person: KeyPair, draft: Draft): Promise<AuthorisedEntry> {
  const entry = {
    namespace,
    subspace: person.publicKey,
    path: draft.path,
    timestamp: draft.timestamp,
    payloadLength: BigInt(draft.payload.length),
    digest: william3(draft.payload),
  }
  return authorise(ed25519, entry, communalCapability('write', namespace, person.publicKey), person)
}

/** An entry without a signature that holds, for stores that do not look. */
export function unsigned(subspace: Uint8Array, draft: Draft): AuthorisedEntry {
  const entry = {
    namespace,
    subspace,
    path: draft.path,
    timestamp: draft.timestamp,
    payloadLength: BigInt(draft.payload.length),
    digest: william3(draft.payload),
  }
  const capability = communalCapability('write', namespace, subspace)
  return { entry, token: { capability, signature: new Uint8Array(64) } }
}

/** Believes everything: for tests of what a store does with entries, not of who may write them. */
export const credulous: Verifier = {
  capabilityFault: async () => undefined,
  entryFault: async () => undefined,
}
