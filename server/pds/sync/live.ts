/** The firehose as people see it: decoded events, of one account or of all, for pages that stream. */
import { decode } from '@atcute/cbor'
import { parseCar } from '@leaf/atproto/car-read'
import { cidKey, cidToString } from '@leaf/atproto/cid'
import type { CommitEvent } from '@leaf/atproto/frame'
import { decodeFrame } from '@leaf/atproto/frame-decode'
import type { Follow } from '../../kernel/follow.ts'
import type { Database, ReadTx } from '../../kernel/storage/database.ts'
import { type LoggedEvent, newestEvents } from '../database/sequencer.ts'
import { sha256 } from '../validation/sha256.ts'

export interface LiveOp {
  readonly action: 'create' | 'update' | 'delete'
  /** `collection/rkey` */
  readonly path: string
  /** Base32; absent for a delete. */
  readonly cid?: string
  /** The record as JSON (`$link`, `$bytes`), in create and update. */
  readonly record?: unknown
}

/** An event that can be turned into JSON as it is. */
export interface LiveEvent {
  readonly seq: number
  readonly type: LoggedEvent['type']
  readonly did: string
  /** ISO 8601 */
  readonly time: string
  /** Of a commit or sync. */
  readonly rev?: string
  /** Of a commit. */
  readonly ops?: readonly LiveOp[]
  /** Of an identity event. */
  readonly handle?: string
  /** Of an account event. */
  readonly active?: boolean
  readonly status?: string
}

export interface LiveOptions {
  /** Only events of this account. */
  readonly did?: string
  /** The last seq that was seen; absent: a few of the newest events come first. */
  readonly after?: number
  readonly signal: AbortSignal
}

/** Events, until `signal` ends them. Read at the pace of whoever takes them. */
export type Live = (options: LiveOptions) => AsyncIterable<LiveEvent>

/** Past events that a new reader gets at first. */
const recentMax = 20

export function createLive(deps: {
  readonly database: Pick<Database, 'read'>
  readonly log: Follow<LoggedEvent>
  readonly lastSeq: (tx: ReadTx) => Promise<number>
}): Live {
  const { database, log, lastSeq } = deps
  const decoded = new WeakMap<LoggedEvent, LiveEvent>()
  const decodeOnce = (event: LoggedEvent): LiveEvent => {
    const known = decoded.get(event)
    if (known !== undefined) return known
    const live = liveEventOf(event)
    decoded.set(event, live)
    return live
  }

  return async function* live({ did, after, signal }) {
    let position = after
    if (position === undefined) {
      const recent = await database.read(async tx => ({
        events: await newestEvents(tx, { did, limit: recentMax }),
        last: await lastSeq(tx),
      }))
      for (const event of recent.events.toReversed()) yield decodeOnce(event)
      position = recent.last
    }
    for await (const batch of log.from(position, signal)) {
      for (const event of batch) {
        if (signal.aborted) return
        if (did === undefined || event.did === did) yield decodeOnce(event)
      }
    }
  }
}

function liveEventOf({ seq, did, type, frame }: LoggedEvent): LiveEvent {
  const content = decodeFrame(frame)
  switch (content.type) {
    case '#commit':
      return { seq, type, did, time: content.event.time, rev: content.event.rev, ops: opsOf(content.event) }
    case '#sync':
      return { seq, type, did, time: content.event.time, rev: content.event.rev }
    case '#identity':
    case '#account':
      return { seq, type, ...content.event }
    default:
      throw new Error(`expected an event with a seq, got ${content.type}`)
  }
}

function opsOf(event: CommitEvent): readonly LiveOp[] {
  const blocks = new Map(
    parseCar(event.blocks, { sha256 }).blocks.map(block => [cidKey(block.cid), block.bytes]),
  )
  return event.ops.map(({ action, path, cid }) => {
    if (cid === null) return { action, path }
    const bytes = blocks.get(cidKey(cid))
    const told = { action, path, cid: cidToString(cid) }
    return bytes === undefined ? told : { ...told, record: decode(bytes) }
  })
}
