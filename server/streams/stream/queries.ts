/** Queries of a stream's module, once and for subscriptions. */
import type { Clock } from '../../kernel/clock.ts'
import type { StreamRecord } from '../database/streams.ts'
import type { HostRows, SqlHosts, SqlParam } from '../host/contract.ts'
import type { ModuleSummaries } from '../module/summary.ts'
import type { QueryRequest } from './contract.ts'
import { type StreamEntry, viewOf } from './entry.ts'
import type { Registry } from './registry.ts'
import { createSemaphore, type Semaphore } from './semaphore.ts'
import type { StreamMetrics } from './stream-metrics.ts'

/** Rows, and the log's head that they were read at. */
export interface Answered {
  readonly rows: HostRows
  readonly head: number
}

export interface PageRequest {
  readonly query: QueryRequest
  readonly user: string | null
  /** Given the head, the first idx of the page. */
  readonly start: number
}

export interface Queries {
  once(entry: StreamEntry, query: QueryRequest, user: string | null): Promise<HostRows>
  /** A page of a subscription. Those who ask the same at the same time share one execution. */
  page(entry: StreamEntry, request: PageRequest): Promise<Answered>
}

/** Executions for subscriptions of one stream at a time: an append waits for no more than these. */
const streamPagesMax = 8
/** And for those of all streams. */
const housePagesMax = 64

const startDefault = 1

export function createQueries(deps: {
  readonly registry: Registry
  readonly hosts: Pick<SqlHosts, 'query'>
  readonly modules: ModuleSummaries
  readonly clock: Clock
  readonly metrics: StreamMetrics
}): Queries {
  const { registry, hosts, modules, clock, metrics } = deps
  const house = createSemaphore(housePagesMax)
  const shares = new WeakMap<StreamEntry, Shares>()

  const execute = (entry: StreamEntry, request: PageRequest): Promise<Answered> =>
    entry.lane.shared(async () => {
      const record = await registry.record(entry)
      const startedMs = clock.monotonic()
      let result: 'ok' | 'error' = 'error'
      try {
        const { name, params, limit } = request.query
        const query = { name, params, start: request.start, limit, user: request.user }
        const rows = await hosts.query(viewOf(record), query)
        result = 'ok'
        return { rows, head: record.head }
      } finally {
        metrics.query(result, clock.monotonic() - startedMs)
      }
    })
  const sharesOf = (entry: StreamEntry): Shares => {
    const known = shares.get(entry)
    if (known !== undefined) return known
    const fresh = { turns: createSemaphore(streamPagesMax), running: new Map<string, Promise<Answered>>() }
    shares.set(entry, fresh)
    return fresh
  }

  return {
    once: async (entry, query, user) => {
      const answered = await execute(entry, { query, user, start: query.start ?? startDefault })
      return answered.rows
    },
    page: async (entry, request) => {
      const record = entry.record ?? (await registry.record(entry))
      const user = (await mentionsUser(modules, record, request.query.name)) ? request.user : null
      const shared = sharesOf(entry)
      const key = `${entry.version} ${request.start} ${keyOf(request.query, user)}`
      const under = shared.running.get(key)
      if (under !== undefined) return under
      const begun = shared.turns
        .run(() => house.run(() => execute(entry, { ...request, user })))
        .finally(() => shared.running.delete(key))
      shared.running.set(key, begun)
      return begun
    },
  }
}

interface Shares {
  readonly turns: Semaphore
  readonly running: Map<string, Promise<Answered>>
}

/** Whose query it is matters only where its SQL can ask for it. */
async function mentionsUser(modules: ModuleSummaries, record: StreamRecord, name: string): Promise<boolean> {
  const summary = await modules.of(record.module)
  return summary.queriesWithoutUser.has(name) === false
}

function keyOf({ name, limit, params }: QueryRequest, user: string | null): string {
  const given = [...params].map(([param, value]) => [param, value.kind, textOf(value)])
  return JSON.stringify([name, limit, user, given.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1))])
}

function textOf(param: SqlParam): string {
  if (param.kind === 'null') return ''
  if (param.kind === 'blob') return Buffer.from(param.value).toString('base64')
  return String(param.value)
}
