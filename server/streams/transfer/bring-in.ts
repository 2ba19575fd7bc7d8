/**
 * Brings streams from outside into the house, a few at a time: what is here already stays as it is, what contradicts
 * it is refused, and one that is wrong does not keep the others out.
 */
import { Refusal } from '../../kernel/errors.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { readEvents } from '../database/events.ts'
import { frozenForImport, streamByDid, type StreamRecord } from '../database/streams.ts'
import { linkHash } from '../stream/chain.ts'
import type { Transfer } from '../stream/transfer.ts'
import type { ForeignStream, ForeignStreams } from './foreign.ts'

export interface BringInDependencies {
  readonly database: Pick<Database, 'read' | 'direct'>
  readonly transfer: Pick<Transfer, 'import'>
}

export interface BroughtIn {
  readonly did: string
  /** `here`: it was before, with all of these events. */
  readonly outcome: 'brought' | 'here' | 'refused'
  readonly events: number
  /** Why it was refused; what could not come along. Sentences. */
  readonly notes: readonly string[]
}

/** Streams that are brought in at the same time: what they store is flushed to disk together. */
const together = 8

/** Yields one result for each of `dids`, in their order. */
export async function* bringIn(
  deps: BringInDependencies,
  from: ForeignStreams,
  dids: readonly string[],
): AsyncGenerator<BroughtIn> {
  for (let at = 0; at < dids.length; at += together) {
    const begun = dids.slice(at, at + together).map(did => tryOne(deps, from, did))
    // All of them have ended before anybody hears of a fault: what they work on may be closed then.
    await Promise.allSettled(begun)
    for (const one of begun) yield await one
  }
}

async function tryOne(deps: BringInDependencies, from: ForeignStreams, did: string): Promise<BroughtIn> {
  try {
    return await bringInOne(deps, await from.open(did))
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { did, outcome: 'refused', events: 0, notes: [error.message] }
  }
}

async function bringInOne(
  { database, transfer }: BringInDependencies,
  stream: ForeignStream,
): Promise<BroughtIn> {
  const { did, events, count, warnings, ...rest } = stream
  const here = await streamByDid(database.direct, did)
  if (here !== undefined) {
    await checkAgrees(database, here, stream)
    if (here.frozen !== frozenForImport) return { did, outcome: 'here', events: here.head, notes: [] }
  }
  await transfer.import({ ...rest, did, events: events() })
  return { did, outcome: 'brought', events: count, notes: warnings }
}

/** Throws Refusal `conflict` unless what is here begins with what is there, or, when it is being brought in, the other way round. */
async function checkAgrees(
  database: Pick<Database, 'read'>,
  here: StreamRecord,
  { did, events, count }: ForeignStream,
): Promise<void> {
  const isPart = here.frozen === frozenForImport
  if (here.head < count && !isPart) {
    throw new Refusal(
      'conflict',
      `${did} is here with ${here.head} events, there it has ${count}: delete it here to take over the other`,
    )
  }
  const upTo = Math.min(here.head, count)
  const [next] =
    upTo === here.head
      ? [{ prevHash: here.headHash }]
      : await database.read(tx => readEvents(tx, here.id, { after: upTo, itemsMax: 1, bytesMax: 1 }))
  const hash = await hashAt(did, events(), upTo)
  const isLonger = isPart && here.head > count
  if (next === undefined || isLonger || Buffer.compare(next.prevHash, hash) !== 0) {
    throw new Refusal('conflict', `${did} is here with other events than there: nothing of it was changed`)
  }
}

/** The hash of event `upTo`. */
async function hashAt(
  did: string,
  pages: ReturnType<ForeignStream['events']>,
  upTo: number,
): Promise<Uint8Array> {
  let hash: Uint8Array = new Uint8Array(32)
  if (upTo === 0) return hash
  for await (const page of pages) {
    for (const event of page) {
      hash = linkHash(did, { ...event, prevHash: hash })
      if (event.idx === upTo) return hash
    }
  }
  return hash
}
