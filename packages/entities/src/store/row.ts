/** Entries as rows and back. */
import { william3 } from '@leaf/codec/william3'
import { encodeCapability, readCapability } from '../meadowcap/capability.ts'
import type { AuthorisedEntry } from '../meadowcap/verify.ts'
import { encodeEntry, readEntry } from '../willow/entry.ts'
import { createReader } from '../willow/wire.ts'
import type { EntryRow } from './backing.ts'
import type { StoredEntry } from './contract.ts'
import { entryKey, join } from './keys.ts'
import { StoreError } from './store-error.ts'

const signatureBytes = 64

/** What an entry adds to fingerprints: the available length is that of the payload, whether it is here or not. */
export function hashOf(length: bigint, capability: Uint8Array, entry: Uint8Array): Uint8Array {
  const available = new Uint8Array(8)
  new DataView(available.buffer).setBigUint64(0, length)
  return william3(join(available, capability, entry))
}

/** The row of an entry, without its arrival. */
export function toRow(
  namespace: Uint8Array,
  { entry, token }: AuthorisedEntry,
): Omit<EntryRow, 'arrival' | 'hasPayload'> {
  const encoded = encodeEntry(entry)
  const capability = encodeCapability(token.capability)
  return {
    key: entryKey(namespace, entry.subspace, entry.path),
    digest: entry.digest,
    body: join(encoded, capability, token.signature),
    hash: hashOf(entry.payloadLength, capability, encoded),
    bytes: Number(entry.payloadLength),
  }
}

/** Throws StoreError `corrupt` for a row that no store wrote. */
export function fromRow(row: Pick<EntryRow, 'body' | 'arrival' | 'hasPayload'>): StoredEntry {
  try {
    const reader = createReader(row.body)
    const entry = readEntry(reader)
    const capability = readCapability(reader)
    const signature = reader.raw(signatureBytes).slice()
    reader.end()
    return { entry, token: { capability, signature }, arrival: row.arrival, hasPayload: row.hasPayload }
  } catch (cause) {
    throw new StoreError('corrupt', 'expected an entry in the store, got something else', cause)
  }
}
