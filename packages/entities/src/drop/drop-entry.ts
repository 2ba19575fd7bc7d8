/** One entry of a drop: its bytes up to its payload. https://willowprotocol.org/specs/drop-format/ */
import { tagOf } from '@leaf/codec/compact-u64'
import { MalformedError } from '@leaf/codec/errors'
import { william3 } from '@leaf/codec/william3'
import { communalCapability } from '../meadowcap/capability.ts'
import type { AuthorisedEntry } from '../meadowcap/verify.ts'
import { type Entry, idBytes } from '../willow/entry.ts'
import { equalBytes, readPathRelative, writePathRelative } from '../willow/path.ts'
import type { WillowReader, WillowWriter } from '../willow/wire.ts'
import { readToken, writeToken } from './token.ts'

/** Of an entry: what is known of the one before it. */
export type Reference = Pick<AuthorisedEntry, 'entry'> & {
  readonly token: Pick<AuthorisedEntry['token'], 'capability'>
}

const defaultKey = Uint8Array.from(
  '934e6021339e1f013ba94900edc25d8d74c0b4e573768910ae0f507d8c817318'.match(/../g) ?? [],
  pair => Number.parseInt(pair, 16),
)

/** Willow'25's default entry, which the first entry of a drop is told by. https://willowprotocol.org/specs/willow25/ */
export const defaultReference: Reference = {
  entry: {
    namespace: defaultKey,
    subspace: defaultKey,
    path: [],
    timestamp: 0n,
    payloadLength: 0n,
    digest: william3(new Uint8Array()),
  },
  token: { capability: communalCapability('write', defaultKey, defaultKey) },
}

/** The byte that ends a drop. */
export const dropEnd = 0
const isEntry = 0x40
const kindBits = 0xc0
const namespaceDiffers = 0x20
const subspaceDiffers = 0x10
const sliceBits = 0x03
const wholePayload = 0x01

/** No head is longer: its path has at most 4096 components of 4096 bytes in all, each delegation some 200 bytes. */
export const headBytesMax: number = 64 * 1024

/** Everything of an entry but its payload. */
export function writeHead(
  writer: WillowWriter,
  { entry, token }: AuthorisedEntry,
  before: Reference,
  withPayload: boolean,
): void {
  const newNamespace = !equalBytes(entry.namespace, before.entry.namespace)
  const newSubspace = !equalBytes(entry.subspace, before.entry.subspace)
  writer.u8(
    isEntry |
      (newNamespace ? namespaceDiffers : 0) |
      (newSubspace ? subspaceDiffers : 0) |
      ((tagOf(entry.timestamp, 2) & 3) << 2) |
      (withPayload ? wholePayload : 0),
  )
  if (newNamespace) writer.raw(entry.namespace)
  if (newSubspace) writer.raw(entry.subspace)
  writePathRelative(writer, entry.path, before.entry.path)
  writer.compact(entry.timestamp, 2)
  writer.c64(entry.payloadLength)
  writer.raw(entry.digest)
  writeToken(writer, token, entry, before.token.capability)
}

export interface Head {
  readonly authorised: AuthorisedEntry
  /** The payload follows, all of it. */
  readonly withPayload: boolean
}

/** Undefined: the drop has ended. Throws MalformedError, also for parts of payloads, which are not taken. */
export function readHead(reader: WillowReader, before: Reference): Head | undefined {
  const begin = reader.at
  const header = reader.u8()
  if (header === dropEnd) return undefined
  if ((header & kindBits) !== isEntry)
    throw new MalformedError(`expected an entry or the end, got ${header}`, begin)
  const slices = header & sliceBits
  if (slices > wholePayload)
    throw new MalformedError('expected a whole payload or none, got slices of it', begin)
  const namespace = readId(reader, header & namespaceDiffers, before.entry.namespace)
  const subspace = readId(reader, header & subspaceDiffers, before.entry.subspace)
  const path = readPathRelative(reader, before.entry.path)
  const timestamp = reader.compact((header >> 2) & 3, 2)
  const payloadLength = reader.c64()
  const digest = reader.raw(idBytes).slice()
  const entry: Entry = { namespace, subspace, path, timestamp, payloadLength, digest }
  const token = readToken(reader, entry, before.token.capability)
  return { authorised: { entry, token }, withPayload: slices === wholePayload }
}

function readId(reader: WillowReader, differs: number, before: Uint8Array): Uint8Array {
  if (differs === 0) return before
  const begin = reader.at
  const id = reader.raw(idBytes).slice()
  if (equalBytes(id, before)) throw new MalformedError('expected an id that differs, got the same', begin)
  return id
}
