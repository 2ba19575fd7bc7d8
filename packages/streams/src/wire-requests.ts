/** The arguments of every event that a client sends, both ways. Unknown fields are ignored. */
import {
  cidText,
  decodeDrisl,
  type DrislMap,
  type DrislValue,
  encodeDrisl,
  isCid,
  parseCid,
  rawDrisl,
} from '@leaf/codec/drisl'
import { asArray, asBytes, asInteger, asMap, asText, asTextOrNull, below, FieldError } from './fields.ts'
import { decodeSqlValue, encodeSqlValue, type SqlParam } from './sql-value.ts'

/** `did:plc:` and 24 characters of base32: what every stream's DID is. */
export const streamDidPattern = /^did:plc:[a-z2-7]{24}$/
/** A ULID as text; the first character holds three bits only. */
export const ulidPattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i
/** Characters of a batch's id. */
export const batchIdCharactersMax = 64
/** Rows of an answer when a query does not say. */
export const queryLimitDefault = 1000

export interface LeafQuery {
  readonly name: string
  readonly params: ReadonlyMap<string, SqlParam>
  /** From which idx; undefined when not given. */
  readonly start: number | undefined
  /** `queryLimitDefault` when not given. May be negative, as SQL's. */
  readonly limit: number
}

export interface ModuleUpload {
  /** Canonical DRISL of the map: what its CID is of. */
  readonly module: Uint8Array
}

export interface StreamCreate {
  /** `bafyrei…` */
  readonly moduleCid: string
  /** A ULID that is kept with the stream and echoed; null when not given. */
  readonly clientStamp: string | null
}

export interface UpdateModule {
  readonly streamDid: string
  readonly moduleCid: string
}

export interface EventBatch {
  readonly streamDid: string
  readonly events: readonly Uint8Array[]
  /** Only for connections with the unsafe token. */
  readonly userOverride?: string
  /** Additive: refuse unless the log's head is this idx. */
  readonly expectedIdx?: number
  /** Additive: a batch with an id that the stream took already is not appended again. 1 to `batchIdCharactersMax` characters. */
  readonly batchId?: string
}

export interface StreamQuery {
  readonly streamDid: string
  readonly query: LeafQuery
}

export interface SetHandle {
  readonly streamDid: string
  readonly handle: string | null
}

/** `module/upload` */
export function decodeModuleUpload(bytes: Uint8Array): ModuleUpload {
  const module = asMap(decodeArguments(bytes)['module'], 'module')
  asText(module['$type'], 'module.$type')
  return { module: encodeDrisl(module) }
}

export function encodeModuleUpload(request: ModuleUpload): Uint8Array {
  return encodeDrisl({ module: rawDrisl(request.module) })
}

/** `module/exists` */
export function decodeModuleExists(bytes: Uint8Array): { readonly moduleCid: string } {
  return { moduleCid: moduleCidOf(decodeArguments(bytes)) }
}

export function encodeModuleExists(request: { readonly moduleCid: string }): Uint8Array {
  return encodeDrisl({ moduleCid: parseCid(request.moduleCid) })
}

/** `stream/create` */
export function decodeStreamCreate(bytes: Uint8Array): StreamCreate {
  const map = decodeArguments(bytes)
  const clientStamp = asTextOrNull(map['clientStamp'], 'clientStamp')
  if (clientStamp !== null && !ulidPattern.test(clientStamp))
    throw new FieldError('clientStamp', 'a ULID of 26 characters', clientStamp)
  return { moduleCid: moduleCidOf(map), clientStamp }
}

export function encodeStreamCreate(request: {
  readonly moduleCid: string
  readonly clientStamp?: string
}): Uint8Array {
  return encodeDrisl({ moduleCid: parseCid(request.moduleCid), clientStamp: request.clientStamp })
}

/** `stream/info`, `stream/clear_state` */
export function decodeStreamOnly(bytes: Uint8Array): { readonly streamDid: string } {
  return { streamDid: streamDidOf(decodeArguments(bytes)) }
}

export function encodeStreamOnly(request: { readonly streamDid: string }): Uint8Array {
  return encodeDrisl({ streamDid: request.streamDid })
}

/** `stream/update_module` */
export function decodeUpdateModule(bytes: Uint8Array): UpdateModule {
  const map = decodeArguments(bytes)
  return { streamDid: streamDidOf(map), moduleCid: moduleCidOf(map) }
}

export function encodeUpdateModule(request: UpdateModule): Uint8Array {
  return encodeDrisl({ streamDid: request.streamDid, moduleCid: parseCid(request.moduleCid) })
}

/** `stream/event_batch`, `stream/state_event_batch`. Events are views of `bytes`. */
export function decodeEventBatch(bytes: Uint8Array): EventBatch {
  const map = decodeArguments(bytes)
  const events = asArray(map['events'], 'events').map((event, index) =>
    asBytes(event, below('events', String(index))),
  )
  const userOverride = asTextOrNull(map['userOverride'], 'userOverride')
  const batchId = asTextOrNull(map['batchId'], 'batchId')
  if (batchId !== null && (batchId.length === 0 || batchId.length > batchIdCharactersMax))
    throw new FieldError('batchId', `1 to ${batchIdCharactersMax} characters`, batchId)
  const expectedIdx = asIntegerOrUndefined(map['expectedIdx'], 'expectedIdx')
  if (expectedIdx !== undefined && expectedIdx < 0)
    throw new FieldError('expectedIdx', 'an idx, or 0 for an empty log', expectedIdx)
  return {
    streamDid: streamDidOf(map),
    events,
    ...(userOverride === null ? {} : { userOverride }),
    ...(expectedIdx === undefined ? {} : { expectedIdx }),
    ...(batchId === null ? {} : { batchId }),
  }
}

export function encodeEventBatch(request: EventBatch): Uint8Array {
  return encodeDrisl({
    streamDid: request.streamDid,
    events: request.events,
    userOverride: request.userOverride,
    expectedIdx: request.expectedIdx,
    batchId: request.batchId,
  })
}

/** `stream/subscribe_events`, `stream/query` */
export function decodeStreamQuery(bytes: Uint8Array): StreamQuery {
  const map = decodeArguments(bytes)
  return { streamDid: streamDidOf(map), query: decodeQuery(map['query']) }
}

export function encodeStreamQuery(request: StreamQuery): Uint8Array {
  const { name, params, start, limit } = request.query
  const values = Object.fromEntries([...params].map(([key, value]) => [key, encodeSqlValue(value)]))
  return encodeDrisl({ streamDid: request.streamDid, query: { name, params: values, start, limit } })
}

/** `stream/unsubscribe` */
export function decodeUnsubscribe(bytes: Uint8Array): { readonly subscriptionId: string } {
  const subscriptionId = asText(decodeArguments(bytes)['subscriptionId'], 'subscriptionId')
  if (!ulidPattern.test(subscriptionId)) throw new FieldError('subscriptionId', 'a ULID', subscriptionId)
  return { subscriptionId }
}

export function encodeUnsubscribe(request: { readonly subscriptionId: string }): Uint8Array {
  return encodeDrisl({ subscriptionId: request.subscriptionId })
}

/** `stream/set_handle`; no handle and null are the same. */
export function decodeSetHandle(bytes: Uint8Array): SetHandle {
  const map = decodeArguments(bytes)
  return { streamDid: streamDidOf(map), handle: asTextOrNull(map['handle'], 'handle') }
}

export function encodeSetHandle(request: SetHandle): Uint8Array {
  return encodeDrisl({ streamDid: request.streamDid, handle: request.handle })
}

/** `admin/list_streams`, whose arguments mean nothing. */
export function encodeListStreams(): Uint8Array {
  return encodeDrisl({})
}

function decodeArguments(bytes: Uint8Array): DrislMap {
  return asMap(decodeDrisl(bytes), 'arguments')
}

function streamDidOf(map: DrislMap): string {
  const did = asText(map['streamDid'], 'streamDid')
  if (!streamDidPattern.test(did)) throw new FieldError('streamDid', 'a did:plc', did)
  return did
}

function moduleCidOf(map: DrislMap): string {
  const cid = map['moduleCid']
  if (!isCid(cid)) throw new FieldError('moduleCid', 'a CID', cid)
  return cidText(cid)
}

function decodeQuery(value: DrislValue | undefined): LeafQuery {
  const map = asMap(value, 'query')
  const params = new Map<string, SqlParam>()
  for (const [name, param] of Object.entries(asMap(map['params'], 'query.params')))
    params.set(name, decodeSqlValue(param, below('query.params', name)))
  return {
    name: asText(map['name'], 'query.name'),
    params,
    start: asIntegerOrUndefined(map['start'], 'query.start'),
    limit: map['limit'] === undefined ? queryLimitDefault : asInteger(map['limit'], 'query.limit'),
  }
}

function asIntegerOrUndefined(value: DrislValue | undefined, where: string): number | undefined {
  return value === undefined || value === null ? undefined : asInteger(value, where)
}
