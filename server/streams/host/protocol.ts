/**
 * What the house and a host say to one another: one request, one reply, as DRISL maps in frames. A host may be in a
 * stranger's hands one day, so that its replies are read as strictly as any input.
 */
import { decodeDrisl, type DrislInput, type DrislMap, encodeDrisl } from '@leaf/codec/drisl'
import { asInteger, asMap, asText } from '@leaf/streams/fields'
import type { Batch, HostQuery, LogEvent, StateEvent, StreamView } from './contract.ts'

/** Which tables of a stream a request is about. */
export interface Target {
  /** What the host keeps them open as. */
  readonly key: string
  /** Another one than they were opened with: open them again, something else may have touched them. */
  readonly epoch: number
  readonly did: string
  readonly cid: string
  readonly generation: number
  /** The tables of a build beside those that serve. */
  readonly build: boolean
  readonly head: number
  readonly stateHead: number
}

/** How far the tables of a target are. */
export interface Position {
  /** The last idx of the mirror. */
  readonly log: number
  /** The last idx that the module's tables show. */
  readonly module: number
  /** The last seq that the state shows. */
  readonly seq: number
}

/** One thing to catch up with, in its place. */
export type CatchUpItem =
  | { readonly kind: 'event'; readonly event: LogEvent }
  | { readonly kind: 'state'; readonly entry: StateEvent }

export type BatchKind = 'event' | 'state'

export type HostRequest =
  | { readonly op: 'module'; readonly cid: string; readonly bytes: Uint8Array }
  /** `verify`: they were not opened since the house started, so that they may be of another history. */
  | { readonly op: 'open'; readonly target: Target; readonly verify: boolean }
  /** Makes the files and runs the init scripts. */
  | { readonly op: 'init'; readonly target: Target }
  /** Throws the mirror and the module's tables away. */
  | { readonly op: 'reset'; readonly target: Target }
  | {
      readonly op: 'apply'
      readonly target: Target
      readonly items: readonly CatchUpItem[]
      readonly budgetMs: number
    }
  | {
      readonly op: 'prepare'
      readonly target: Target
      readonly kind: BatchKind
      readonly batches: readonly Batch[]
      readonly budgetMs: number
    }
  /** Goes on with batches that take more than one slice of time. */
  | { readonly op: 'more'; readonly key: string; readonly budgetMs: number }
  | { readonly op: 'commit' | 'abort' | 'close'; readonly key: string }
  | { readonly op: 'query'; readonly target: Target; readonly query: HostQuery }
  | { readonly op: 'adopt' | 'checkpoint' | 'copy'; readonly target: Target }
  | { readonly op: 'discard'; readonly did: string; readonly cid: string; readonly generation: number }
  | { readonly op: 'validate'; readonly bytes: Uint8Array }

/** What must be done first. */
export type HostNeed = 'module' | 'open' | 'init' | 'reset' | 'retry'

export type HostReply =
  | { readonly kind: 'need'; readonly need: HostNeed }
  | { readonly kind: 'behind'; readonly at: Position }
  /** Upstream's text; or a fault of ours, which callers are not told. */
  | { readonly kind: 'error'; readonly text: string; readonly isOwn: boolean }
  | { readonly kind: 'done'; readonly map: DrislMap }

/** The largest frame either side takes. */
export const frameBytesMax = 64 * 1024 * 1024

/** The bytes of a request. */
export function encodeRequest(request: HostRequest): Uint8Array {
  switch (request.op) {
    case 'prepare':
      return encodeDrisl({
        ...request,
        target: targetMap(request.target),
        batches: request.batches.map(batchMap),
      })
    case 'apply':
      return encodeDrisl({ ...request, target: targetMap(request.target), items: request.items.map(itemMap) })
    case 'query':
      return encodeDrisl({ ...request, target: targetMap(request.target), query: queryMap(request.query) })
    case 'open':
    case 'init':
    case 'reset':
    case 'adopt':
    case 'checkpoint':
    case 'copy':
      return encodeDrisl({ ...request, target: targetMap(request.target) })
    default:
      return encodeDrisl({ ...request })
  }
}

const targetMap = (target: Target): DrislInput => ({ ...target })
const batchMap = ({ user, payloads, signature }: Batch): DrislInput => ({ user, payloads, signature })

function itemMap(item: CatchUpItem): DrislInput {
  return item.kind === 'event' ? { event: { ...item.event } } : { entry: stateMap(item.entry) }
}

const stateMap = ({ seq, afterIdx, kind, user, payload }: StateEvent): DrislInput => ({
  seq,
  afterIdx,
  kind,
  user,
  payload,
})

function queryMap({ name, params, start, limit, user }: HostQuery): DrislInput {
  const list: DrislInput[] = []
  for (const [key, param] of params) {
    const value = param.kind === 'null' ? null : param.kind === 'real' ? realBytes(param.value) : param.value
    list.push([key, param.kind, value])
  }
  return { name, params: list, start, limit, user }
}

/** DRISL has no infinities, SQL has. */
function realBytes(value: number): Uint8Array {
  return new Uint8Array(new Float64Array([value]).buffer)
}

/** Throws MalformedError when the host says something that no host says. */
export function decodeReply(frame: Uint8Array): { readonly reply: HostReply; readonly open: number } {
  const map = asMap(decodeDrisl(frame), 'reply')
  const open = asInteger(map['open'], 'open')
  return { open, reply: replyOf(map) }
}

function replyOf(map: DrislMap): HostReply {
  const kind = asText(map['kind'], 'kind')
  if (kind === 'error') return { kind, text: asText(map['text'], 'text'), isOwn: map['isOwn'] === true }
  if (kind === 'behind') return { kind, at: positionOf(asMap(map['at'], 'at')) }
  if (kind !== 'need') return { kind: 'done', map }
  const need = needs.find(one => one === map['need'])
  return need === undefined
    ? { kind: 'error', text: 'a host needs what nobody knows', isOwn: true }
    : { kind, need }
}

const needs: readonly HostNeed[] = ['module', 'open', 'init', 'reset', 'retry']

export function positionOf(map: DrislMap): Position {
  return {
    log: asInteger(map['log'], 'log'),
    module: asInteger(map['module'], 'module'),
    seq: asInteger(map['seq'], 'seq'),
  }
}

/** What the tables of a view are kept open as. */
export function targetOf(view: StreamView, build: boolean): Omit<Target, 'epoch'> {
  const { did, module, head, stateHead } = view
  return {
    key: build ? `${did}#${module.generation}` : did,
    did,
    cid: module.cid,
    generation: module.generation,
    build,
    head,
    stateHead,
  }
}
