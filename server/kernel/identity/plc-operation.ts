/** did:plc operations as bytes: what is signed, the DID of the first one, the CID of each. https://web.plc.directory/spec */
import { hash } from 'node:crypto'
import { encode } from '@atcute/cbor'
import * as CID from '@atcute/cid'
import type { SigningKey } from '../keys.ts'
import { isObject, isServiceMap, isStringMap, isStrings } from './json.ts'
import type { Did, PlcOperation } from './types.ts'

/** Everything of a regular operation but its signature. */
export interface UnsignedPlcOperation {
  readonly type: 'plc_operation'
  /** did:keys in falling priority: who stands first can undo the others for 72 hours. 1 to 5. */
  readonly rotationKeys: readonly string[]
  readonly verificationMethods: Readonly<Record<string, string>>
  readonly alsoKnownAs: readonly string[]
  readonly services: Readonly<Record<string, { readonly type: string; readonly endpoint: string }>>
  /** CID of the operation before; null for the first. */
  readonly prev: string | null
}

export type RegularPlcOperation = UnsignedPlcOperation & PlcOperation

/** Signs an operation with a rotation key: base64url of the signature over its DAG-CBOR. */
export function signPlcOperation(
  operation: UnsignedPlcOperation,
  rotationKey: SigningKey,
): RegularPlcOperation {
  return { ...operation, sig: Buffer.from(rotationKey.sign(encode(operation))).toString('base64url') }
}

/** The DID that a signed first operation makes: 24 characters of the base32 of its hash. */
export function didOfGenesis(operation: PlcOperation): Did {
  return `did:plc:${base32(hash('sha256', encode(operation), 'buffer').subarray(0, 15))}`
}

/** The CID of a signed operation, as the next one's `prev` names it. */
export function cidOfPlcOperation(operation: PlcOperation): string {
  return CID.toString(CID.fromDigest(CID.CODEC_DCBOR, hash('sha256', encode(operation), 'buffer')))
}

/** The operation that `value` is, in today's form; undefined for a tombstone and for what is none. */
export function regularOperation(value: unknown): RegularPlcOperation | undefined {
  if (isRegularOperation(value)) return value
  return isLegacyCreate(value) ? upgradeLegacy(value) : undefined
}

/** Whether `value` has every field of a regular, signed operation, each of the right type. */
export function isRegularOperation(value: unknown): value is RegularPlcOperation {
  return (
    isObject(value) &&
    value['type'] === 'plc_operation' &&
    isStrings(value['rotationKeys']) &&
    isStrings(value['alsoKnownAs']) &&
    isStringMap(value['verificationMethods']) &&
    isServiceMap(value['services']) &&
    (value['prev'] === null || typeof value['prev'] === 'string') &&
    typeof value['sig'] === 'string'
  )
}

/** Whether the DID was given up: nothing can follow such an operation. */
export function isTombstone(operation: PlcOperation): boolean {
  return operation['type'] === 'plc_tombstone'
}

/** The form in which the first DIDs were made. */
interface LegacyCreate {
  readonly type: 'create'
  readonly signingKey: string
  readonly recoveryKey: string
  readonly handle: string
  readonly service: string
  readonly prev: null
  readonly sig: string
}

function isLegacyCreate(value: unknown): value is LegacyCreate {
  if (!isObject(value) || value['type'] !== 'create' || value['prev'] !== null) return false
  return ['signingKey', 'recoveryKey', 'handle', 'service', 'sig'].every(
    name => typeof value[name] === 'string',
  )
}

function upgradeLegacy(value: LegacyCreate): RegularPlcOperation {
  const endpoint = /^https?:\/\//.test(value.service) ? value.service : `https://${value.service}`
  return {
    type: 'plc_operation',
    verificationMethods: { atproto: value.signingKey },
    rotationKeys: [value.recoveryKey, value.signingKey],
    alsoKnownAs: [value.handle.startsWith('at://') ? value.handle : `at://${value.handle}`],
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint } },
    prev: null,
    sig: value.sig,
  }
}

const base32Alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** RFC 4648, lower case; the length is a multiple of five bytes, so there is no padding. */
function base32(bytes: Uint8Array): string {
  let text = ''
  let buffer = 0
  let bits = 0
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xffff
    bits += 8
    for (; bits >= 5; bits -= 5) text += base32Alphabet[(buffer >> (bits - 5)) & 31] ?? ''
  }
  return text
}
