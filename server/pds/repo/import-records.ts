/** What an imported record says about blobs, and whether it is a record at all. */
import { CidLinkWrapper, decode } from '@atcute/cbor'
import { itemEnd } from '@leaf/atproto/cbor-skip'
import { codecDagCbor } from '@leaf/atproto/cid'
import { MalformedError } from '@leaf/atproto/errors'
import { checkPath } from '../validation/record.ts'
import { refuse } from '../xrpc/refuse.ts'
import { subjectOf } from './backlinks.ts'
import { splitPath } from './store-commit.ts'

export interface ImportedRecord {
  readonly path: string
  readonly collection: string
  readonly rkey: string
  readonly cid: Uint8Array
  /** Of what it points at there is to be one. */
  readonly subject: string | undefined
  /** Base32; each once. */
  readonly blobs: readonly string[]
}

/** Reads a record. Throws InvalidRequest when it is none, or its path is none. */
export function readImportedRecord(path: string, cid: Uint8Array, bytes: Uint8Array): ImportedRecord {
  const { collection, rkey } = splitPath(path)
  checkPath(collection, rkey)
  const value = decodeRecord(path, cid, bytes)
  const blobs = new Set<string>()
  collectBlobs(value, blobs)
  return { path, collection, rkey, cid, subject: subjectOf(collection, value), blobs: [...blobs] }
}

function decodeRecord(path: string, cid: Uint8Array, bytes: Uint8Array): object {
  let value: unknown
  try {
    if (cid[1] !== codecDagCbor) throw new MalformedError('expected DAG-CBOR', 0)
    if (itemEnd(bytes, 0) !== bytes.length) throw new MalformedError('bytes follow the record', 0)
    value = decode(bytes)
  } catch (error) {
    // The decoder has errors of its own; whatever it says, the bytes are not a record.
    throw refuse('InvalidRequest', `Could not parse record at '${path}'`, error)
  }
  if (
    typeof value !== 'object' ||
    value === null ||
    Array.isArray(value) ||
    value instanceof CidLinkWrapper
  ) {
    throw refuse('InvalidRequest', `Could not parse record at '${path}'`)
  }
  return value
}

function collectBlobs(value: object, blobs: Set<string>): void {
  if (value instanceof CidLinkWrapper) return
  const cid = blobOf(value)
  if (cid !== undefined) {
    blobs.add(cid)
    return
  }
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null) collectBlobs(member, blobs)
  }
}

/** CIDs of blobs: raw bytes, SHA-256. */
const blobCid = /^bafkrei[a-z2-7]{52}$/

/** The blob that this refers to, in today's form or in that of the network's first months. */
function blobOf(value: object): string | undefined {
  const ref = '$type' in value && value.$type === 'blob' && 'ref' in value ? value.ref : undefined
  if (ref instanceof CidLinkWrapper) return blobCid.test(ref.$link) ? ref.$link : undefined
  if (Object.keys(value).length !== 2 || !('cid' in value) || !('mimeType' in value)) return undefined
  const { cid, mimeType } = value
  return typeof mimeType === 'string' && typeof cid === 'string' && blobCid.test(cid) ? cid : undefined
}
