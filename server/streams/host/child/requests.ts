/** Requests, read back. They come from the house, so that a wrong one is a fault of ours. */
import { type DrislMap, type DrislValue, isArray } from '@leaf/codec/drisl'
import { asArray, asBoolean, asBytes, asInteger, asMap, asText } from '@leaf/streams/fields'
import type { Batch, SqlParam, StateEvent } from '../contract.ts'
import type { CatchUpItem, Target } from '../protocol.ts'

export function readTarget(request: DrislMap): Target {
  const map = asMap(request['target'], 'target')
  return {
    key: asText(map['key'], 'key'),
    epoch: asInteger(map['epoch'], 'epoch'),
    did: asText(map['did'], 'did'),
    cid: asText(map['cid'], 'cid'),
    generation: asInteger(map['generation'], 'generation'),
    build: asBoolean(map['build'], 'build'),
    head: asInteger(map['head'], 'head'),
    stateHead: asInteger(map['stateHead'], 'stateHead'),
  }
}

export function readBatches(request: DrislMap): readonly Batch[] {
  return asArray(request['batches'], 'batches').map(item => {
    const map = asMap(item, 'batch')
    const payloads = asArray(map['payloads'], 'payloads').map(payload => asBytes(payload, 'payload'))
    return { user: asText(map['user'], 'user'), payloads, signature: asBytes(map['signature'], 'signature') }
  })
}

export function readItems(request: DrislMap): readonly CatchUpItem[] {
  return asArray(request['items'], 'items').map(item => {
    const map = asMap(item, 'item')
    const event = map['event']
    if (event === undefined) return { kind: 'state', entry: readEntry(asMap(map['entry'], 'entry')) }
    return { kind: 'event', event: readEvent(asMap(event, 'event')) }
  })
}

function readEvent(map: DrislMap) {
  return {
    idx: asInteger(map['idx'], 'idx'),
    user: asText(map['user'], 'user'),
    payload: asBytes(map['payload'], 'payload'),
    signature: asBytes(map['signature'], 'signature'),
  }
}

function readEntry(map: DrislMap): StateEvent {
  return {
    seq: asInteger(map['seq'], 'seq'),
    afterIdx: asInteger(map['afterIdx'], 'afterIdx'),
    kind: map['kind'] === 'clear' ? 'clear' : 'event',
    user: asText(map['user'], 'user'),
    payload: asBytes(map['payload'], 'payload'),
  }
}

/** A query as it is run: `limit` and `start` are integers of any size. */
export interface QueryRequest {
  readonly name: string
  readonly params: readonly (readonly [name: string, param: SqlParam])[]
  readonly start: bigint
  readonly limit: bigint
  readonly user: string | null
}

export function readQuery(request: DrislMap): QueryRequest {
  const map = asMap(request['query'], 'query')
  const user = map['user']
  return {
    name: asText(map['name'], 'name'),
    params: asArray(map['params'], 'params').map(readParam),
    start: BigInt(asInteger(map['start'], 'start')),
    limit: BigInt(asInteger(map['limit'], 'limit')),
    user: user === null ? null : asText(user, 'user'),
  }
}

function readParam(item: DrislValue): readonly [string, SqlParam] {
  const [name, kind, value] = isArray(item) ? item : []
  return [asText(name, 'name'), paramOf(asText(kind, 'kind'), value)]
}

function paramOf(kind: string, value: DrislValue | undefined): SqlParam {
  if (kind === 'text') return { kind, value: asText(value, 'value') }
  if (kind === 'blob') return { kind, value: asBytes(value, 'value') }
  if (kind === 'integer' && (typeof value === 'bigint' || typeof value === 'number'))
    return { kind, value: BigInt(value) }
  if (kind === 'real') return { kind, value: realOf(asBytes(value, 'value')) }
  return { kind: 'null' }
}

function realOf(bytes: Uint8Array): number {
  return new Float64Array(bytes.slice().buffer)[0] ?? 0
}
