/** A record on its way in: looked at, completed, encoded. Nothing here touches the database. */
import { encodeJson } from './encode-json.ts'
import { isValidNsid, isValidRecordKey } from '@atproto/syntax'
import { type Block, blockOf } from '@leaf/atproto/cid'
import { refuse } from '../xrpc/refuse.ts'
import { sentenceOf } from './faults.ts'
import { isMap, type JsonBlobRef, type JsonMap, walkJson } from './json.ts'
import type { Lexicons } from './lexicons.ts'
import { sha256 } from './sha256.ts'
import { stringFormats } from './strings.ts'

export interface RecordInput {
  readonly collection: string
  readonly rkey: string
  /** JSON as it came: `$link`, `$bytes`. */
  readonly record: unknown
  /** `true`: the lexicon must be known; `false`: not checked; undefined: checked when known. */
  readonly validate: boolean | undefined
}

export interface PreparedRecord {
  /** Its DAG-CBOR under its CID. */
  readonly block: Block
  /** With `$type`. */
  readonly value: JsonMap
  readonly blobs: readonly JsonBlobRef[]
  /** Undefined when it was not to be checked. */
  readonly status: 'valid' | 'unknown' | undefined
}

export interface RecordRules {
  readonly lexicons: Pick<Lexicons, 'record'>
  /** Bytes of DAG-CBOR. */
  readonly recordBytesMax: number
}

/** Throws refusals with the reference's words. `at` names the record in them, in front of its own path. */
export function prepareRecord(
  input: RecordInput,
  rules: RecordRules,
  at: readonly (string | number)[] = ['record'],
): PreparedRecord {
  const { collection, rkey } = input
  checkPath(collection, rkey)
  const value = withType(collection, input.record)
  const walk = { blobs: [], legacyBlob: undefined }
  const found = walkJson(value, walk)
  if (found !== undefined) throw refuse('InvalidRequest', `Invalid record: ${sentenceOf(found, at)}`)
  const status = input.validate === false ? undefined : checkSchema(input, value, rules.lexicons, at)
  if (walk.legacyBlob !== undefined) {
    throw refuse('InvalidRequest', `Legacy blobs are not allowed (${walk.legacyBlob})`)
  }
  const bytes = encodeJson(value)
  if (bytes.length > rules.recordBytesMax) {
    throw refuse('InvalidRequest', `a record of ${bytes.length} bytes exceeds ${rules.recordBytesMax}`)
  }
  return { block: blockOf(bytes, sha256), value, blobs: walk.blobs, status }
}

/** Refuses a collection that is no NSID, and a key that is no record key. */
export function checkPath(collection: string, rkey: string): void {
  if (!isValidNsid(collection)) throw refuse('InvalidRequest', `Invalid collection: ${collection}`)
  if (!isValidRecordKey(rkey)) throw refuse('InvalidRequest', `Invalid record key: ${rkey}`)
}

function withType(collection: string, record: unknown): JsonMap {
  if (!isMap(record)) throw refuse('InvalidRequest', 'Expected a record: a JSON object')
  const type = Object.hasOwn(record, '$type') ? record['$type'] : undefined
  if (type === undefined) return { ...record, $type: collection }
  if (type === collection) return record
  throw refuse('InvalidRequest', `Invalid $type: expected ${collection}, got ${String(type)}`)
}

function checkSchema(
  { collection, rkey, validate }: RecordInput,
  value: JsonMap,
  lexicons: Pick<Lexicons, 'record'>,
  at: readonly (string | number)[],
): 'valid' | 'unknown' {
  const schema = lexicons.record(collection)
  if (schema === undefined) {
    if (validate === true) throw refuse('InvalidRequest', `Unknown lexicon type: ${collection}`)
    return 'unknown'
  }
  if (!fitsKey(rkey, schema.key)) {
    throw refuse(
      'InvalidRequest',
      `Invalid record key for ${collection}: expected ${schema.key}, got ${JSON.stringify(rkey)}`,
    )
  }
  const found = schema.check(value)
  if (found !== undefined) {
    throw refuse('InvalidRequest', `Invalid ${collection} record: ${sentenceOf(found, at)}`)
  }
  return 'valid'
}

/** Whether a record key is what the lexicon asks for. https://atproto.com/specs/record-key */
function fitsKey(rkey: string, key: string): boolean {
  if (key.startsWith('literal:')) return rkey === key.slice('literal:'.length)
  return stringFormats.get(key)?.(rkey) ?? true
}
