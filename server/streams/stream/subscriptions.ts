/**
 * Subscriptions: each is a loop of its own that reads a page, sends it, and waits for something new. Nothing is queued
 * for anyone: who is slow reads later, and from the log.
 */
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Logger } from '../../kernel/log.ts'
import type { SubscribeRequest, SubscriptionPage } from './contract.ts'
import { type StreamEntry, sleep } from './entry.ts'
import { errorText } from './error-text.ts'
import type { Queries } from './queries.ts'
import type { Registry } from './registry.ts'
import type { StreamMetrics } from './stream-metrics.ts'

export interface Subscriptions {
  /** Resolves once it is registered. */
  subscribe(request: SubscribeRequest): Promise<void>
  count(): number
  /** Ends all. */
  stop(): Promise<void>
}

/** Subscriptions of one stream. */
const streamSubscriptionsMax = 10_000
/** Subscriptions of the house. */
const houseSubscriptionsMax = 100_000

/** How long to wait before a page is asked for again that could not be had now. */
const retryMs = [100, 500, 2000] as const
/** And when that was in vain and the subscriber was told. */
const busyMs = 15_000

interface Dependencies {
  readonly registry: Registry
  readonly queries: Queries
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: StreamMetrics
}

export function createSubscriptions(deps: Dependencies): Subscriptions {
  const { registry, log } = deps
  const ofStream = new WeakMap<StreamEntry, number>()
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()

  const begin = (entry: StreamEntry, request: SubscribeRequest, head: number) => {
    const release = registry.hold(entry)
    ofStream.set(entry, (ofStream.get(entry) ?? 0) + 1)
    const signal = AbortSignal.any([request.signal, stopping.signal])
    const latest = request.query.start === undefined ? head : request.query.start - 1
    const loop = pump(deps, entry, { ...request, signal }, latest)
      .catch((error: unknown) =>
        log.warn({ error: errorText(error), stream: entry.did }, 'a subscription ended'),
      )
      .finally(() => {
        running.delete(loop)
        ofStream.set(entry, (ofStream.get(entry) ?? 1) - 1)
        release()
      })
    running.add(loop)
  }

  return {
    subscribe: async request => {
      const entry = await registry.open(request.stream)
      const { head } = await registry.record(entry)
      if (
        running.size >= houseSubscriptionsMax ||
        (ofStream.get(entry) ?? 0) >= streamSubscriptionsMax ||
        stopping.signal.aborted
      ) {
        throw new Refusal('unavailable', 'there are too many subscriptions', { retryAfterMs: 5000 })
      }
      if (!request.signal.aborted) begin(entry, request, head)
    },
    count: () => running.size,
    stop: async () => {
      stopping.abort()
      await Promise.all(running)
    },
  }
}

/** `latest` is the last idx that the subscriber has. */
async function pump(
  deps: Dependencies,
  entry: StreamEntry,
  request: SubscribeRequest,
  latest: number,
): Promise<void> {
  const { signal, send } = request
  await untilEnd(request.gate, signal)
  let place = latest
  let toldAt = -1
  while (!signal.aborted) {
    const seen = entry.version
    const read = await readPage(deps, entry, request, place)
    if (read === undefined || signal.aborted) return
    place = read.latest
    // That hosts are still busy is told once for every wake-up.
    if (!read.passing || toldAt !== seen) {
      deps.metrics.page(read.page.ok ? 'ok' : 'error')
      await untilEnd(send(read.page), signal)
    }
    if (entry.gone && !read.page.ok) return
    toldAt = read.passing ? seen : -1
    if (read.page.ok && read.page.hasMore) continue
    await sleep(entry, seen, signal, read.passing ? { clock: deps.clock, ms: busyMs } : undefined)
  }
}

interface ReadPage {
  readonly page: SubscriptionPage
  readonly latest: number
  /** It says nothing about the query: worth asking again, also when nothing comes. */
  readonly passing: boolean
}

/** The next page, tried again while hosts are busy; undefined when the signal ends. */
async function readPage(
  deps: Dependencies,
  entry: StreamEntry,
  request: SubscribeRequest,
  latest: number,
): Promise<ReadPage | undefined> {
  const { query, caller, signal } = request
  for (let attempt = 0; ; attempt += 1) {
    const start = Math.max(query.start ?? latest + 1, latest + 1)
    const window = Math.max(1, query.limit)
    try {
      const { rows, head } = await deps.queries.page(entry, { query, user: caller.did, start })
      const end = Math.min(start + window - 1, head)
      return { page: { ok: true, rows, hasMore: end < head }, latest: end, passing: false }
    } catch (error) {
      const page = { ok: false, error: errorText(error) } as const
      // What cannot be had now is not skipped: the next wake-up begins at the same place.
      if (!(error instanceof Refusal) || entry.gone) return { page, latest, passing: false }
      if (error.code !== 'unavailable') {
        const head = entry.record?.head ?? latest
        return { page, latest: Math.min(start + window - 1, head), passing: false }
      }
      const delay = retryMs[attempt]
      if (delay === undefined) return { page, latest, passing: true }
      await pause(deps.clock, delay, signal)
      if (signal.aborted) return undefined
    }
  }
}

/** As `promise`, but no longer than until the signal ends. Leaves nothing at the signal, which lives much longer. */
function untilEnd(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const end = () => {
      signal.removeEventListener('abort', end)
      resolve()
    }
    signal.addEventListener('abort', end)
    promise.then(end, error => {
      signal.removeEventListener('abort', end)
      reject(error)
    })
  })
}

function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const go = () => {
      cancel()
      signal.removeEventListener('abort', go)
      resolve()
    }
    const cancel = clock.after(delayMs, go)
    signal.addEventListener('abort', go)
  })
}
