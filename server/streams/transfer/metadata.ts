/**
 * A stream's `metadata.drisl`. Upstream's fields are `did`, `did_key`, `owners` and `module_cid`; the others are ours.
 * Keys are written sealed only: whoever finds a backup cannot speak for its streams.
 */
import {
  cidText,
  decodeDrisl,
  type DrislInput,
  type DrislMap,
  encodeDrisl,
  isCid,
  parseCid,
} from '@leaf/codec/drisl'
import { asArray, asBytes, asInteger, asMap, asText, asTextOrNull, FieldError } from '@leaf/streams/fields'
import type { StatePosition } from './state-file.ts'

export interface Metadata {
  readonly did: string
  /** The first pays. */
  readonly owners: readonly string[]
  readonly moduleCid: string
  readonly key: MetadataKey | null
  readonly clientStamp: string | null
  readonly handle: string | null
  readonly frozen: boolean
  /** Milliseconds since 1970; absent in backups of others. */
  readonly createdAt: number | undefined
  /** The log's head when this was written, and the hash of that event; absent in backups of others. */
  readonly log: LogHead | undefined
  /** The state journal's head when this was written. */
  readonly stateHead: number
  /** How far the state is that lies beside it; absent when there is none, and in backups of others. */
  readonly state: StatePosition | undefined
}

export interface LogHead {
  readonly head: number
  readonly headHash: Uint8Array
}

export type MetadataKey =
  | { readonly sealed: Uint8Array }
  /** Of backups of others. */
  | { readonly curve: 'K256' | 'P256'; readonly secret: Uint8Array }

export function encodeMetadata(metadata: Metadata): Uint8Array {
  const { key, log, state, stateHead, createdAt } = metadata
  const fields: Record<string, DrislInput> = {
    did: metadata.did,
    did_key: null,
    owners: [...metadata.owners],
    module_cid: parseCid(metadata.moduleCid),
    client_stamp: metadata.clientStamp,
    handle: metadata.handle,
    frozen: metadata.frozen,
    state_head: stateHead,
  }
  if (key !== null && 'sealed' in key) fields['did_key_sealed'] = key.sealed
  if (createdAt !== undefined) fields['created_at'] = createdAt
  if (log !== undefined) Object.assign(fields, { head: log.head, head_hash: log.headHash })
  if (state !== undefined) Object.assign(fields, { state_seq: state.seq, state_idx: state.idx })
  return encodeDrisl(fields)
}

/** Throws MalformedError. */
export function decodeMetadata(bytes: Uint8Array): Metadata {
  const map = asMap(decodeDrisl(bytes), 'metadata')
  const has = (name: string) => map[name] !== undefined && map[name] !== null
  return {
    did: asText(map['did'], 'did'),
    owners: asArray(map['owners'], 'owners').map(owner => asText(owner, 'owners')),
    moduleCid: moduleCidIn(map),
    key: keyIn(map),
    clientStamp: asTextOrNull(map['client_stamp'], 'client_stamp'),
    handle: asTextOrNull(map['handle'], 'handle'),
    frozen: map['frozen'] === true,
    createdAt: has('created_at') ? asInteger(map['created_at'], 'created_at') : undefined,
    log: has('head')
      ? { head: asInteger(map['head'], 'head'), headHash: asBytes(map['head_hash'], 'head_hash') }
      : undefined,
    stateHead: has('state_head') ? asInteger(map['state_head'], 'state_head') : 0,
    state: has('state_seq')
      ? { seq: asInteger(map['state_seq'], 'state_seq'), idx: asInteger(map['state_idx'], 'state_idx') }
      : undefined,
  }
}

function moduleCidIn(map: DrislMap): string {
  const value = map['module_cid']
  if (isCid(value)) return cidText(value)
  return cidText(parseCid(asText(value, 'module_cid')))
}

function keyIn(map: DrislMap): MetadataKey | null {
  const sealed = map['did_key_sealed']
  if (sealed !== undefined && sealed !== null) return { sealed: asBytes(sealed, 'did_key_sealed') }
  const clear = map['did_key']
  if (clear === undefined || clear === null) return null
  const variants = asMap(clear, 'did_key')
  for (const curve of ['K256', 'P256'] as const) {
    if (variants[curve] !== undefined) return { curve, secret: asBytes(variants[curve], `did_key.${curve}`) }
  }
  throw new FieldError('did_key', 'a map with K256 or P256', clear)
}
