/**
 * The record by which an ATProto identity names its subspace: `town.muni.leaf.space`, key `self`, in the person's own
 * repository. The proof in it is made by the subspace's key, so that nobody claims a subspace that is not hers; that the
 * subspace names the DID as well is said by the component AtprotoIdentity on its default entity.
 */
import { MalformedError } from '@leaf/codec/errors'
import { william3 } from '@leaf/codec/william3'
import { type Ed25519, type KeyPair, verifyStrict } from '../crypto.ts'

export const spaceCollection = 'town.muni.leaf.space'
export const spaceRecordKey = 'self'

/** What a record (or a proof that is pasted somewhere) claims for a DID. */
export interface SpaceClaim {
  /** 32 bytes. */
  readonly namespace: Uint8Array
  /** 32 bytes. */
  readonly subspace: Uint8Array
  /** 64 bytes: the subspace key's signature over `spaceProofMessage`. */
  readonly proof: Uint8Array
}

const text = new TextEncoder()
const label = 'leaf atproto v1\0'

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** The 32 bytes that are signed: a hash under a label of its own, so that the signature is nothing else anywhere. */
export function spaceProofMessage(
  did: string,
  { namespace, subspace }: Pick<SpaceClaim, 'namespace' | 'subspace'>,
): Uint8Array {
  return william3(join([text.encode(`${label}${did}\0`), namespace, subspace]))
}

/** The claim of a subspace's owner that it belongs to a DID. */
export async function signSpaceClaim(
  ed25519: Ed25519,
  pair: KeyPair,
  { did, namespace }: { readonly did: string; readonly namespace: Uint8Array },
): Promise<SpaceClaim> {
  const subspace = pair.publicKey
  return {
    namespace,
    subspace,
    proof: await ed25519.sign(pair, spaceProofMessage(did, { namespace, subspace })),
  }
}

/** Whether a claim was made for this DID by whoever has the subspace's key. */
export function verifySpaceClaim(ed25519: Ed25519, did: string, claim: SpaceClaim): Promise<boolean> {
  return verifyStrict(ed25519, claim.subspace, spaceProofMessage(did, claim), claim.proof)
}

const sizes = { namespace: 32, subspace: 32, proof: 64 } as const

/** The record as JSON; bytes as ATProto's data model has them. */
export function toSpaceRecord(claim: SpaceClaim): Readonly<Record<string, unknown>> {
  const bytes = (value: Uint8Array) => ({ $bytes: toBase64(value) })
  return {
    $type: spaceCollection,
    namespace: bytes(claim.namespace),
    subspace: bytes(claim.subspace),
    proof: bytes(claim.proof),
  }
}

/** The claim in a record as JSON; its proof is not checked yet. Throws MalformedError. */
export function readSpaceRecord(record: unknown): SpaceClaim {
  const field = (name: keyof typeof sizes): Uint8Array => {
    const value: unknown = isObject(record) ? record[name] : undefined
    const base64: unknown = isObject(value) ? value['$bytes'] : undefined
    const bytes = typeof base64 === 'string' ? fromBase64(base64) : undefined
    if (bytes?.length !== sizes[name])
      throw new MalformedError(
        `expected ${sizes[name]} bytes as ${name} in a record of ${spaceCollection}`,
        0,
      )
    return bytes
  }
  return { namespace: field('namespace'), subspace: field('subspace'), proof: field('proof') }
}

const proofPrefix = 'leaf1.'

/** A claim as one word, for pasting: `leaf1.` and base64url of namespace, subspace, proof. */
export function toProofText({ namespace, subspace, proof }: SpaceClaim): string {
  const base64 = toBase64(join([namespace, subspace, proof]))
  return proofPrefix + base64.replaceAll('+', '-').replaceAll('/', '_')
}

/** The claim in a pasted word; blanks around it are dropped. Throws MalformedError. */
export function readProofText(input: string): SpaceClaim {
  const word = input.trim()
  const base64 = word.slice(proofPrefix.length).replaceAll('-', '+').replaceAll('_', '/')
  const bytes = word.startsWith(proofPrefix) ? fromBase64(base64) : undefined
  if (bytes?.length !== 128)
    throw new MalformedError('expected a proof: leaf1. and 171 letters, digits, - and _', 0)
  return { namespace: bytes.slice(0, 32), subspace: bytes.slice(32, 64), proof: bytes.slice(64) }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Without padding. */
function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/=+$/, '')
}

function fromBase64(base64: string): Uint8Array | undefined {
  if (base64.length > 1024 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return undefined
  try {
    return Uint8Array.from(atob(base64), char => char.charCodeAt(0))
  } catch {
    return undefined
  }
}
