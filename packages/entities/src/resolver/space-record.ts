/**
 * The record by which an ATProto identity names its subspace: `town.muni.leaf.space`, key `self`, in the person's own
 * repository. The proof in it is made by the subspace's key, so that nobody claims a subspace that is not hers, and so
 * that the subspace names the DID as well as the DID names the subspace.
 */
import { MalformedError } from '@leaf/codec/errors'
import { william3 } from '@leaf/codec/william3'
import { fromHex, toHex } from '../api/text.ts'
import { type Ed25519, type KeyPair, verifyStrict } from '../crypto.ts'

export const spaceRecordCollection = 'town.muni.leaf.space'
export const spaceRecordKey = 'self'

/** What a person says of her subspace. */
export interface SpaceRecord {
  readonly did: string
  /** 32 bytes. */
  readonly namespace: Uint8Array
  /** 32 bytes. */
  readonly subspace: Uint8Array
  /** X25519, 32 bytes: with which others encrypt for her. */
  readonly encryptionKey: Uint8Array | undefined
  /** Where her devices sync: host names, with a port where it is not the usual one. */
  readonly servers: readonly string[]
  /** 64 bytes: the subspace key's signature over `spaceProofMessage`. */
  readonly proof: Uint8Array
}

type Proven = Pick<SpaceRecord, 'did' | 'namespace' | 'subspace' | 'encryptionKey'>

/** Servers that a record names. */
const serversMax = 8
const serverCharsMax = 255

const text = new TextEncoder()
const label = 'leaf atproto v1\0'

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** The 32 bytes that are signed: a hash under a label of its own, so that the signature is nothing else anywhere. */
export function spaceProofMessage({ did, namespace, subspace, encryptionKey }: Proven): Uint8Array {
  return william3(
    join(text.encode(`${label}${did}\0`), namespace, subspace, encryptionKey ?? new Uint8Array(32)),
  )
}

/** Proves, with the subspace's key, that it belongs to a DID. */
export async function signSpaceRecord(
  ed25519: Ed25519,
  pair: KeyPair,
  says: Omit<SpaceRecord, 'subspace' | 'proof' | 'servers'> & Partial<Pick<SpaceRecord, 'servers'>>,
): Promise<SpaceRecord> {
  const { did, namespace, encryptionKey, servers = [] } = says
  const proven = { did, namespace, subspace: pair.publicKey, encryptionKey }
  return { ...proven, servers, proof: await ed25519.sign(pair, spaceProofMessage(proven)) }
}

/** Whether whoever has the subspace's key has proven that it belongs to the record's DID. */
export function isSpaceProven(ed25519: Ed25519, record: SpaceRecord): Promise<boolean> {
  return verifyStrict(ed25519, record.subspace, spaceProofMessage(record), record.proof)
}

/** The record's value, as it stands in a repository: keys and proof in hexadecimal digits. */
export function writeSpaceRecord(record: SpaceRecord): Readonly<Record<string, unknown>> {
  const { namespace, subspace, encryptionKey, servers, proof } = record
  return {
    $type: spaceRecordCollection,
    namespace: toHex(namespace),
    subspace: toHex(subspace),
    ...(encryptionKey === undefined ? {} : { encryptionKey: toHex(encryptionKey) }),
    ...(servers.length === 0 ? {} : { servers: [...servers] }),
    proof: toHex(proof),
  }
}

/** Reads a value of a DID's repository; undefined: it is no such record, or its proof does not hold. */
export async function readSpaceRecord(
  ed25519: Ed25519,
  did: string,
  value: unknown,
): Promise<SpaceRecord | undefined> {
  if (typeof value !== 'object' || value === null) return undefined
  const field = (name: string, length: number) => {
    const given: unknown = Reflect.get(value, name)
    const bytes = typeof given === 'string' ? fromHex(given) : undefined
    return bytes?.length === length ? bytes : undefined
  }
  const namespace = field('namespace', 32)
  const subspace = field('subspace', 32)
  const encryptionKey = field('encryptionKey', 32)
  const proof = field('proof', 64)
  if (namespace === undefined || subspace === undefined || proof === undefined) return undefined
  const given: unknown = Reflect.get(value, 'servers')
  const servers = (Array.isArray(given) ? given : [])
    .filter((one: unknown): one is string => typeof one === 'string' && one.length <= serverCharsMax)
    .slice(0, serversMax)
  const record = { did, namespace, subspace, encryptionKey, servers, proof }
  return (await isSpaceProven(ed25519, record)) ? record : undefined
}

const wordPrefix = 'leaf1.'
const wordBytes = 32 * 3 + 64

/** The proof as one word, for pasting where the key is not: `leaf1.` and base64url. The DID is not in it. */
export function toProofWord({ namespace, subspace, encryptionKey, proof }: SpaceRecord): string {
  const bytes = join(namespace, subspace, encryptionKey ?? new Uint8Array(32), proof)
  const base64 = btoa(String.fromCharCode(...bytes))
  return wordPrefix + base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** What a pasted word says of a DID, not yet checked; blanks around it are dropped. Throws MalformedError. */
export function readProofWord(did: string, input: string): SpaceRecord {
  const word = input.trim()
  const bytes = word.startsWith(wordPrefix) ? fromBase64Url(word.slice(wordPrefix.length)) : undefined
  if (bytes?.length !== wordBytes)
    throw new MalformedError(`expected a proof: ${wordPrefix} and 214 letters, digits, - and _`, 0)
  const key = bytes.slice(64, 96)
  return {
    did,
    namespace: bytes.slice(0, 32),
    subspace: bytes.slice(32, 64),
    encryptionKey: key.every(byte => byte === 0) ? undefined : key,
    servers: [],
    proof: bytes.slice(96),
  }
}

function fromBase64Url(word: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]{1,400}$/.test(word) || word.length % 4 === 1) return undefined
  const base64 = word.replaceAll('-', '+').replaceAll('_', '/')
  return Uint8Array.from(atob(base64), char => char.charCodeAt(0))
}
