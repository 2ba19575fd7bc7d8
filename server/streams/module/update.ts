/**
 * Gives a stream another module: built from the log beside the one that serves, which is left alone until the new one
 * has caught up; then both change places under a short lock. What was cut off is taken up again at start.
 */
import type { Clock } from '../../kernel/clock.ts'
import { Corruption, Refusal } from '../../kernel/errors.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import {
  beginUpdate,
  endUpdate,
  hasModule,
  switchModule,
  updateOf,
  type UpdateRow,
} from '../database/modules.ts'
import type { StreamRecord } from '../database/streams.ts'
import type { SqlHosts, StreamView } from '../host/contract.ts'
import { type StreamEntry, viewOf, wake } from '../stream/entry.ts'
import { errorText } from '../stream/error-text.ts'
import type { Registry } from '../stream/registry.ts'
import type { StreamMetrics } from '../stream/stream-metrics.ts'

export interface ModuleUpdates {
  /** Resolves when the module serves. Who may is the caller's matter. Refuses `conflict` while another one is built. */
  update(entry: StreamEntry, cid: string): Promise<void>
  /** Goes on with what was cut off. Throws when the module cannot be built; it is given up then. */
  resume(row: UpdateRow): Promise<void>
  /** Whether a stream's module is being built. */
  isUnderWay(did: string): boolean
  count(): number
  /** Cuts off what is under way: it goes on at the next start. */
  stop(): Promise<void>
}

export interface UpdateDependencies {
  readonly database: Pick<Database, 'write' | 'direct'>
  readonly hosts: SqlHosts
  readonly registry: Registry
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: StreamMetrics
}

/** Events that may be missing when the stream is locked for the last ones. */
const tailEventsMax = 200
/** How often the build runs after the head before it is locked all the same. */
const chasesMax = 20
/** Builds at a time; others wait for a place. */
const buildsMax = 16
/** Time between two lines about one build in the log. */
const progressMs = 5000

export function createModuleUpdates(deps: UpdateDependencies): ModuleUpdates {
  const { database, registry, clock } = deps
  const running = new Map<string, { readonly cid: string; readonly done: Promise<void> }>()
  const stopping = new AbortController()
  const { run, giveUp } = createRunner(deps, stopping.signal)

  /** From here on the stream has an update under way. */
  const track = (did: string, cid: string, fn: () => Promise<void>): Promise<void> => {
    if (running.size >= buildsMax) {
      throw new Refusal('unavailable', 'too many modules are being built', { retryAfterMs: 10_000 })
    }
    const done = fn().finally(() => running.delete(did))
    running.set(did, { cid, done })
    return done
  }
  const update = async (entry: StreamEntry, cid: string): Promise<void> => {
    const record = await registry.unfrozen(entry)
    if (record.module === cid) return
    const left = await updateOf(database.direct, record.id)
    if (left !== undefined && left.module === cid) return run(left)
    if (left !== undefined) await giveUp(left, new Error(`another module was asked for: ${cid}`))
    const generation = await database.write(async tx => {
      if (!(await hasModule(tx, cid))) return 'absent' as const
      return beginUpdate(tx, { stream: record.id, module: cid, at: clock.now() })
    })
    if (generation === 'absent') throw moduleMissing(cid)
    if (generation === undefined) throw underWay()
    await run({ stream: record.id, did: entry.did, module: cid, generation, switched: 0 })
  }

  return {
    update: async (entry, cid) => {
      const under = running.get(entry.did)
      if (under?.cid === cid) return under.done
      if (under !== undefined) throw underWay()
      await track(entry.did, cid, () => update(entry, cid))
    },
    resume: async row => {
      await (running.get(row.did)?.done ?? track(row.did, row.module, () => run(row)))
    },
    isUnderWay: did => running.has(did),
    count: () => running.size,
    stop: async () => {
      stopping.abort()
      await Promise.allSettled([...running.values()].map(({ done }) => done))
    },
  }
}

/** Runs updates from their row on, and gives up those whose module cannot be built. */
function createRunner(deps: UpdateDependencies, stopping: AbortSignal) {
  const { database, hosts, registry, clock, log, metrics } = deps

  /** The old module serves as before. */
  const giveUp = async (row: UpdateRow, error: unknown): Promise<void> => {
    const current = await updateOf(database.direct, row.stream)
    if (current === undefined || current.switched !== 0) return
    log.warn({ stream: row.did, module: row.module, error: errorText(error) }, 'a module could not be built')
    await database.write(tx => endUpdate(tx, row))
    await hosts.discard(row.did, { cid: row.module, generation: row.generation })
  }

  const run = async (row: UpdateRow): Promise<void> => {
    const startedMs = clock.monotonic()
    const entry = await registry.open(row.did)
    const release = registry.hold(entry)
    try {
      if (row.switched === 0) await build(deps, entry, row, stopping)
      await entry.lane.exclusive(() => takeOver(deps, entry, row))
      metrics.build('done', clock.monotonic() - startedMs)
      log.info({ stream: row.did, module: row.module }, 'a stream has another module')
    } catch (error) {
      metrics.build('failed', clock.monotonic() - startedMs)
      if (stopping.aborted) throw cutOff(error)
      if (!(error instanceof Corruption) && !isPassing(error)) await giveUp(row, error)
      throw error
    } finally {
      release()
    }
  }
  return { run, giveUp }
}

const underWay = () =>
  new Refusal(
    'conflict',
    'Another module of this stream is being built; it can be updated again when that is done',
  )

const cutOff = (cause: unknown) =>
  new Refusal(
    'unavailable',
    'The server is shutting down: it goes on with the module when it has started again',
    {
      cause,
    },
  )

/** Text of a module that is not kept. */
export const moduleMissing = (cid: string) =>
  new Refusal('missing', `Module not found, it must be uploaded before a stream can use it: ${cid}`)

/** What says nothing about the module: the build goes on at the next start. */
function isPassing(error: unknown): boolean {
  return error instanceof Refusal && (error.code === 'unavailable' || error.code === 'missing')
}

/** Builds until only a few events are missing. */
async function build(
  deps: UpdateDependencies,
  entry: StreamEntry,
  row: UpdateRow,
  signal: AbortSignal,
): Promise<void> {
  const { hosts, registry, clock, log } = deps
  let toldMs = clock.monotonic()
  const onProgress = ({ applied, head }: { readonly applied: number; readonly head: number }) => {
    if (clock.monotonic() - toldMs < progressMs) return
    toldMs = clock.monotonic()
    log.info({ stream: row.did, module: row.module, applied, head }, 'building a module')
  }
  for (let chase = 0; chase < chasesMax; chase += 1) {
    const { head } = await registry.record(entry)
    await hosts.build(viewWith(await registry.record(entry), row), { signal, onProgress })
    signal.throwIfAborted()
    if ((await registry.record(entry)).head - head <= tailEventsMax) return
  }
}

/** With the lane alone: the last events, then the new module is the stream's, then its state takes its place. */
async function takeOver(deps: UpdateDependencies, entry: StreamEntry, row: UpdateRow): Promise<void> {
  const { database, hosts, registry } = deps
  const record = await registry.record(entry)
  if (row.switched === 0) {
    await hosts.build(viewWith(record, row), { signal: new AbortController().signal })
    const switched = await database.write(tx => switchModule(tx, row))
    if (!switched) throw new Refusal('conflict', 'The stream was deleted while its module was being built')
  }
  const after = { ...record, module: row.module, generation: row.generation }
  entry.record = after
  try {
    await hosts.adopt(viewOf(after))
    await database.write(tx => endUpdate(tx, row))
  } catch (error) {
    // Whoever loads the stream next puts the state in place first.
    entry.record = undefined
    throw error
  }
  wake(entry)
}

function viewWith(record: StreamRecord, row: UpdateRow): StreamView {
  return { ...viewOf(record), module: { cid: row.module, generation: row.generation } }
}
