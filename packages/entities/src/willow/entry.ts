/** Entries: what a payload is, where it stands, and which of two is newer. https://willowprotocol.org/specs/data-model */
import { tagOf } from '@leaf/codec/compact-u64'
import { MalformedError } from '@leaf/codec/errors'
import {
  compareBytes,
  equalBytes,
  isPrefix,
  type Path,
  readPath,
  readPathRelative,
  writePath,
  writePathRelative,
} from './path.ts'
import { createReader, createWriter, type WillowReader, type WillowWriter } from './wire.ts'

/** Namespaces, subspaces and digests are 32 bytes. */
export const idBytes = 32

export interface Entry {
  readonly namespace: Uint8Array
  readonly subspace: Uint8Array
  readonly path: Path
  /** Microseconds of TAI since J2000; unsigned 64 bits. See `timestamp.ts`. */
  readonly timestamp: bigint
  /** In bytes; unsigned 64 bits. */
  readonly payloadLength: bigint
  /** WILLIAM3 of the payload. */
  readonly digest: Uint8Array
}

type Age = Pick<Entry, 'timestamp' | 'digest' | 'payloadLength'>

/** Positive when `a` is newer: by timestamp, then by digest, then by length. 0: the same in all three. */
export function compareAge(a: Age, b: Age): number {
  if (a.timestamp !== b.timestamp) return a.timestamp > b.timestamp ? 1 : -1
  const digests = compareBytes(a.digest, b.digest)
  if (digests !== 0) return digests
  if (a.payloadLength === b.payloadLength) return 0
  return a.payloadLength > b.payloadLength ? 1 : -1
}

/** Whether a store that has `newer` cannot have `older`: same subspace, a prefix (or the same path), and newer. */
export function prunes(newer: Entry, older: Entry): boolean {
  return (
    equalBytes(newer.namespace, older.namespace) &&
    equalBytes(newer.subspace, older.subspace) &&
    isPrefix(newer.path, older.path) &&
    compareAge(newer, older) > 0
  )
}

export function equalEntries(a: Entry, b: Entry): boolean {
  return compareAge(a, b) === 0 && equalBytes(encodeEntry(a), encodeEntry(b))
}

/** `encode_entry`: what is signed. */
export function encodeEntry(entry: Entry): Uint8Array {
  const writer = createWriter(192)
  writeEntry(writer, entry)
  return writer.finish()
}

/** `EncodeEntry`, inside something else. */
export function writeEntry(writer: WillowWriter, entry: Entry): void {
  writer.raw(entry.namespace)
  writer.raw(entry.subspace)
  writePath(writer, entry.path)
  writer.c64(entry.timestamp)
  writer.c64(entry.payloadLength)
  writer.raw(entry.digest)
}

/** Reads `EncodeEntry`; everything in it is a copy. Throws MalformedError. */
export function readEntry(reader: WillowReader): Entry {
  return {
    namespace: reader.raw(idBytes).slice(),
    subspace: reader.raw(idBytes).slice(),
    path: readPath(reader),
    timestamp: reader.c64(),
    payloadLength: reader.c64(),
    digest: reader.raw(idBytes).slice(),
  }
}

/** The entry that some bytes are, all of them. */
export function decodeEntry(bytes: Uint8Array): Entry {
  const reader = createReader(bytes)
  const entry = readEntry(reader)
  reader.end()
  return entry
}

const namespaceDiffers = 0x80
const subspaceDiffers = 0x40
const timestampGreater = 0x20
const u64Max = 2n ** 64n - 1n

/** `encode_entry_rel_entry`: the differences to another entry; the canonical ones. */
export function writeEntryRelative(writer: WillowWriter, entry: Entry, reference: Entry): void {
  const newNamespace = !equalBytes(entry.namespace, reference.namespace)
  const newSubspace = !equalBytes(entry.subspace, reference.subspace)
  const later = entry.timestamp > reference.timestamp
  const difference = later ? entry.timestamp - reference.timestamp : reference.timestamp - entry.timestamp
  writer.u8(
    (newNamespace ? namespaceDiffers : 0) |
      (newSubspace ? subspaceDiffers : 0) |
      (later ? timestampGreater : 0) |
      ((tagOf(difference, 2) & 3) << 3) |
      tagOf(entry.payloadLength, 3),
  )
  if (newNamespace) writer.raw(entry.namespace)
  if (newSubspace) writer.raw(entry.subspace)
  writer.compact(difference, 2)
  writer.compact(entry.payloadLength, 3)
  writePathRelative(writer, entry.path, reference.path)
  writer.raw(entry.digest)
}

/** Reads `EncodeEntryRelativeEntry`; refuses all but the canonical encoding. */
export function readEntryRelative(reader: WillowReader, reference: Entry): Entry {
  const begin = reader.at
  const header = reader.u8()
  const namespace = readChanged(reader, header & namespaceDiffers, reference.namespace)
  const subspace = readChanged(reader, header & subspaceDiffers, reference.subspace)
  const difference = reader.compact((header >> 3) & 3, 2)
  const later = (header & timestampGreater) !== 0
  const timestamp = later ? reference.timestamp + difference : reference.timestamp - difference
  if (timestamp < 0n || timestamp > u64Max || (later && difference === 0n))
    throw new MalformedError('expected a timestamp of 64 bits, relative to the one before', begin)
  const payloadLength = reader.compact(header & 7, 3)
  const path = readPathRelative(reader, reference.path)
  return { namespace, subspace, path, timestamp, payloadLength, digest: reader.raw(idBytes).slice() }
}

function readChanged(reader: WillowReader, changed: number, reference: Uint8Array): Uint8Array {
  if (changed === 0) return reference
  const begin = reader.at
  const id = reader.raw(idBytes).slice()
  if (equalBytes(id, reference)) throw new MalformedError('expected an id that differs, got the same', begin)
  return id
}
