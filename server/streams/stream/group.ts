/** Runs one group of appends, with the stream's lane alone: prepared by a host, stored in one transaction, answered. */
import { Refusal } from '../../kernel/errors.ts'
import type { SigningKey } from '../../kernel/keys.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { batchById, insertBatches, type TakenBatch } from '../database/batches.ts'
import { insertEvents } from '../database/events.ts'
import { advanceHead, type StreamRecord } from '../database/streams.ts'
import type { BatchResult, Prepared, SqlHosts } from '../host/contract.ts'
import type { StreamKeys } from '../identity/keys.ts'
import { takeAlong, type Waiting } from './append-queue.ts'
import { linkHash, signBatch } from './chain.ts'
import type { Appended, ChainedEvent } from './contract.ts'
import { type StreamEntry, viewOf, wake } from './entry.ts'
import type { Quotas } from './quota.ts'
import type { Registry } from './registry.ts'
import type { StreamMetrics } from './stream-metrics.ts'
import { streamFrozen } from './texts.ts'

/** Settles every item of the group, or throws what all of them are to be told. What it takes along it adds to the group. */
export type GroupRunner = (entry: StreamEntry, group: Waiting[]) => Promise<void>

export interface GroupDependencies {
  readonly database: Pick<Database, 'write' | 'direct'>
  readonly hosts: SqlHosts
  readonly registry: Registry
  readonly keys: StreamKeys
  readonly quotas: Quotas
  /** This node's id; null where nobody else serves these streams. */
  readonly node: string | null
  readonly metrics: Pick<StreamMetrics, 'events'>
}

/** The channel that followers of a stream on other nodes listen to. */
export const channelOf = (stream: number) => `streams/${stream}`

export function createEventGroup(deps: GroupDependencies): GroupRunner {
  const { database, hosts, registry, keys, quotas, node, metrics } = deps

  return async (entry, group) => {
    const record = await registry.record(entry)
    if (record.frozen !== 0) throw streamFrozen()
    const key = keys.keptSignerOf(record) ?? (await keys.signerOf(database.direct, record))
    const fresh = await withoutAnswered(database, record, group)
    if (fresh.length === 0) return
    const { prepared, signed } = await prepareGroup(hosts, { entry, record, group, fresh, key })
    const made = await orAbort(prepared, async () => {
      checkNumbers(record.head, signed, prepared.results)
      return chainAccepted(record, signed, prepared.results, key)
    })
    if (made.events.length > 0) await orAbort(prepared, () => store(record, made))
    settle(signed, prepared.results)
    if (made.events.length === 0) {
      await prepared.abort()
      return
    }
    entry.record = {
      ...record,
      head: made.head,
      headHash: made.headHash,
      bytes: record.bytes + made.bytes,
    }
    quotas.added(record.payer, made.bytes)
    metrics.events(made.events.length)
    await prepared.commit()
    wake(entry)
  }

  async function store(record: StreamRecord, made: Made): Promise<void> {
    const { id, head } = record
    const stored = await database.write(async tx => {
      const advance = { id, node, from: head, to: made.head, headHash: made.headHash, bytes: made.bytes }
      if (!(await advanceHead(tx, advance))) return false
      await insertEvents(tx, id, made.events)
      if (made.taken.length > 0) await insertBatches(tx, id, made.taken)
      tx.notify(channelOf(id))
      return true
    })
    if (!stored) throw movedOn()
  }
}

interface GroupToPrepare {
  readonly entry: StreamEntry
  readonly record: StreamRecord
  /** What comes along is added to it. */
  readonly group: Waiting[]
  /** Those of it that are to be run. */
  readonly fresh: readonly Waiting[]
  readonly key: SigningKey | undefined
}

/** Has a host prepare a group, and what comes until it is about to run. */
async function prepareGroup(hosts: SqlHosts, { entry, record, group, fresh, key }: GroupToPrepare) {
  const isShared = !entry.refuses
  let signed: readonly Waiting[] = []
  const take = () => {
    const more = takeAlong(entry.queue, group, entry.groupEvents)
    signed = sign(key, [...fresh, ...more], isShared)
    // Last: it may be the same list as `fresh`.
    group.push(...more)
    return signed
  }
  const prepared = await hosts.prepare(viewOf(record), take)
  entry.refuses = prepared.results.some(result => !result.ok)
  const isPartial = entry.refuses && prepared.results.some(result => result.ok)
  if (!isPartial || !isShared) return { prepared, signed }
  // A signature that they share would be over events that are in no log: once more, each with its own.
  await prepared.abort()
  signed = sign(key, signed, false)
  return { prepared: await hosts.prepare(viewOf(record), signed), signed }
}

function sign(
  key: SigningKey | undefined,
  batches: readonly Waiting[],
  isShared: boolean,
): readonly Waiting[] {
  if (!isShared) return batches.map(batch => ({ ...batch, signature: signBatch(key, batch) }))
  const signature = signBatch(key, ...batches)
  return batches.map(batch => ({ ...batch, signature }))
}

/** Somebody else changed the stream meanwhile. */
export const movedOn = () =>
  new Refusal('unavailable', 'The stream was changed by somebody else meanwhile; nothing was stored', {
    retryAfterMs: 1000,
  })

/** Answers what was taken before, and refuses what expects another head; gives the rest. */
async function withoutAnswered(
  database: Pick<Database, 'direct'>,
  record: StreamRecord,
  group: readonly Waiting[],
): Promise<readonly Waiting[]> {
  if (group.every(item => item.batchId === undefined && item.expectedIdx === undefined)) return group
  const rest: Waiting[] = []
  for (const item of group) {
    const { batchId, expectedIdx } = item
    const before = batchId === undefined ? undefined : await batchById(database.direct, record.id, batchId)
    if (before !== undefined) {
      item.resolve(before)
    } else if (expectedIdx !== undefined && expectedIdx !== record.head) {
      item.reject(
        new Refusal('conflict', `expected the head of the stream at ${expectedIdx}, it is at ${record.head}`),
      )
    } else {
      rest.push(item)
    }
  }
  return rest
}

/** Runs `fn`; when it fails, the host forgets what it prepared. */
export async function orAbort<T>(prepared: Prepared, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn()
  } catch (error) {
    await prepared.abort()
    throw error
  }
}

/** A host that numbers otherwise than it must would put a hole into the log. */
export function checkNumbers(
  head: number,
  batches: readonly Pick<Waiting, 'payloads'>[],
  results: readonly BatchResult[],
): void {
  let next = head + 1
  for (const [index, batch] of batches.entries()) {
    const result = results[index]
    if (result === undefined)
      throw new Error(`a host answered ${results.length} of ${batches.length} batches`)
    if (!result.ok) continue
    const last = next + batch.payloads.length - 1
    if (result.firstIdx !== next || result.lastIdx !== last) {
      throw new Error(
        `a host numbered a batch ${result.firstIdx} to ${result.lastIdx}, expected ${next} to ${last}`,
      )
    }
    next = last + 1
  }
}

/** What is to be stored of a group. */
interface Made {
  readonly events: readonly ChainedEvent[]
  readonly taken: readonly TakenBatch[]
  readonly head: number
  readonly headHash: Uint8Array
  readonly bytes: number
}

/**
 * Links what was accepted to the chain. The key signs the last of it: as all of it becomes durable at once, the head of
 * a log is signed at every moment, and that signature covers everything before it.
 */
function chainAccepted(
  record: StreamRecord,
  batches: readonly Waiting[],
  results: readonly BatchResult[],
  key: SigningKey | undefined,
): Made {
  const events: ChainedEvent[] = []
  const taken: TakenBatch[] = []
  let prevHash = record.headHash
  let idx = record.head
  let bytes = 0
  for (const [index, { user, payloads, signature, batchId }] of batches.entries()) {
    if (results[index]?.ok !== true) continue
    const firstIdx = idx + 1
    for (const payload of payloads) {
      idx += 1
      const event = { idx, user, payload, signature, prevHash }
      events.push({ ...event, headSignature: undefined })
      bytes += payload.length + signature.length
      prevHash = linkHash(record.did, event)
    }
    if (batchId !== undefined) taken.push({ batchId, firstIdx, lastIdx: idx })
  }
  const last = events.pop()
  if (last !== undefined) events.push({ ...last, headSignature: key?.sign(prevHash) })
  return { events, taken, head: idx, headHash: prevHash, bytes }
}

/** Tells everybody of a group what became of its batch. */
export function settle(group: readonly Waiting[], results: readonly BatchResult[]): void {
  for (const [index, item] of group.entries()) {
    const result = results[index]
    if (result === undefined) item.reject(new Error('a host gave no result'))
    else if (result.ok) item.resolve(appendedOf(result))
    else item.reject(new Refusal('invalid', result.error))
  }
}

function appendedOf({ firstIdx, lastIdx }: Appended): Appended {
  return { firstIdx, lastIdx }
}
