/**
 * The way of an append: it waits for its stream, is prepared by a host together with others that wait, becomes durable
 * in one transaction, is answered, and wakes those who follow.
 */
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { type AppendBudget, takeGroup, type Waiting } from './append-queue.ts'
import type { Appended, AppendRequest, Caller } from './contract.ts'
import type { StreamsLimits } from './dependencies.ts'
import { type StreamEntry, wake } from './entry.ts'
import type { GroupRunner } from './group.ts'
import type { Quotas } from './quota.ts'
import type { Registry } from './registry.ts'
import type { StreamMetrics } from './stream-metrics.ts'
import { forbidden, unauthenticated } from './texts.ts'

export interface Appends {
  append(request: AppendRequest): Promise<Appended>
  appendState(request: AppendRequest): Promise<void>
  /** Adds the wish to empty the state; who may wish it is the caller's matter. */
  clearState(entry: StreamEntry): Promise<void>
  /** Refuses what comes from now on; resolves when nothing waits any more. */
  stop(): Promise<void>
}

export interface AppendDependencies {
  readonly registry: Registry
  readonly quotas: Quotas
  readonly budget: AppendBudget
  readonly groups: Record<Waiting['kind'], GroupRunner>
  readonly limits: StreamsLimits
  readonly clock: Clock
  readonly metrics: StreamMetrics
}

const batchIdLengthMax = 64
const nothing: Appended = { firstIdx: 0, lastIdx: 0 }
const signatureBytes = 64

export function createAppends(deps: AppendDependencies): Appends {
  const { registry, quotas, budget, limits } = deps
  const work = createWorker(deps)
  let stopping = false
  const running = new Set<Promise<void>>()

  const enqueue = (entry: StreamEntry, item: Omit<Waiting, 'resolve' | 'reject'>, owner: string) => {
    if (stopping) throw new Refusal('unavailable', 'the server is shutting down')
    const giveBack = budget.take({ stream: entry.did, owner, bytes: item.bytes })
    const answer = new Promise<Appended>((resolve, reject) => {
      entry.queue.push({ ...item, resolve, reject })
    }).finally(giveBack)
    if (!entry.working) {
      entry.working = true
      const run = work(entry).finally(() => running.delete(run))
      running.add(run)
    }
    return answer
  }

  const add = async (kind: 'events' | 'state', request: AppendRequest): Promise<Appended> => {
    const user = userOf(kind, request)
    checkShape(request, limits)
    const entry = await registry.open(request.stream)
    const record = await registry.unfrozen(entry)
    if (request.events.length === 0) {
      wake(entry)
      return nothing
    }
    const bytes = bytesOf(request.events) + (kind === 'events' ? signatureBytes * request.events.length : 0)
    if (kind === 'events') await quotas.checkBytes(record.payer, bytes + budget.ofOwner(record.payer))
    const { events: payloads, expectedIdx } = request
    // Everybody has ids of her own: nobody can take away another's.
    const batchId = request.batchId === undefined ? undefined : `${user} ${request.batchId}`
    const item = { kind, user, payloads, signature: new Uint8Array(0), bytes, expectedIdx, batchId }
    return enqueue(entry, item, record.payer)
  }

  return {
    append: request => add('events', request),
    appendState: async request => void (await add('state', request)),
    clearState: async entry => {
      const record = await registry.unfrozen(entry)
      const item = { user: '', payloads: [], signature: new Uint8Array(0), bytes: 0 }
      await enqueue(
        entry,
        { kind: 'clear', ...item, expectedIdx: undefined, batchId: undefined },
        record.payer,
      )
    },
    stop: async () => {
      stopping = true
      await Promise.all(running)
    },
  }
}

/** Works on a stream's queue until it is empty. Never throws: whoever waits is told. */
function createWorker({ registry, groups, clock, metrics }: AppendDependencies) {
  const runGroup = async (entry: StreamEntry): Promise<void> => {
    const group = takeGroup(entry.queue, entry.groupEvents)
    const [first] = group
    if (first === undefined) return
    const startedMs = clock.monotonic()
    try {
      await groups[first.kind](entry, group)
    } catch (error) {
      // What is stored may differ from what is known of it: looked up again before the next one.
      entry.record = undefined
      for (const item of group) item.reject(error)
    }
    const tookMs = clock.monotonic() - startedMs
    metrics.group(first.kind, group.length, tookMs)
    entry.groupEvents = nextGroupEvents(entry.groupEvents, group, tookMs)
  }
  return async (entry: StreamEntry): Promise<void> => {
    const release = registry.hold(entry)
    try {
      while (entry.queue.length > 0) await entry.lane.exclusive(() => runGroup(entry))
    } finally {
      entry.working = false
      release()
    }
  }
}

const groupEventsMax = 1500
const groupMsWished = 100

/** Groups grow while they are quick, and shrink when a module is slow: a host has a deadline for the whole of one. */
function nextGroupEvents(now: number, group: readonly Waiting[], tookMs: number): number {
  const events = group.reduce((sum, item) => sum + item.payloads.length, 0)
  if (tookMs > groupMsWished) return Math.max(1, Math.floor((events * groupMsWished) / tookMs))
  return events * 2 > now ? Math.min(groupEventsMax, now * 2) : now
}

function userOf(kind: 'events' | 'state', { caller, userOverride }: AppendRequest): string {
  const did = signedIn(
    caller,
    kind === 'events'
      ? 'Only authenticated users can send events'
      : 'Only authenticated users can send state events',
  )
  if (userOverride === undefined) return did
  if (!caller.unsafe) {
    throw forbidden('user_override is only allowed for trusted (unsafe_auth_token) connections')
  }
  return userOverride
}

/** The caller's DID. Throws Refusal `unauthenticated` with `text` for an anonymous one. */
export function signedIn(caller: Caller, text: string): string {
  if (caller.did === null) throw unauthenticated(text)
  return caller.did
}

function checkShape({ events, batchId, expectedIdx }: AppendRequest, limits: StreamsLimits): void {
  if (events.length > limits.batchEventsMax) {
    throw new Refusal(
      'too-large',
      `expected at most ${limits.batchEventsMax} events in a batch, got ${events.length}`,
    )
  }
  const bytes = bytesOf(events)
  if (bytes > limits.batchBytesMax) {
    throw new Refusal('too-large', `expected a batch of at most ${limits.batchBytesMax} bytes, got ${bytes}`)
  }
  if (batchId !== undefined && (batchId.length < 1 || batchId.length > batchIdLengthMax)) {
    throw new Refusal('invalid', `expected a batch id of 1 to ${batchIdLengthMax} characters`)
  }
  if (batchId?.includes('\0') === true) throw new Refusal('invalid', 'expected a batch id without NUL')
  if (expectedIdx !== undefined && (!Number.isSafeInteger(expectedIdx) || expectedIdx < 0)) {
    throw new Refusal('invalid', `expected an idx of 0 or more, got ${expectedIdx}`)
  }
}

function bytesOf(events: readonly Uint8Array[]): number {
  let bytes = 0
  for (const event of events) bytes += event.length
  return bytes
}
