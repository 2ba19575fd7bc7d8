/**
 * SQL hosts: processes that run the SQL of strangers' modules, each in tables of its stream. This is their door. It owns
 * the files below its folder, which come back from the log when they are lost (but for the state); it does not own the
 * log, and never decides what is in it.
 */
import { asArray, asBytes, asInteger, asText } from '@leaf/streams/fields'
import { boundsChildMemory, type SpawnChild } from '../../kernel/child.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Folders } from '../../kernel/files.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Metrics } from '../../kernel/metrics.ts'
import type { Batch, HostSources, Prepared, SqlHosts, StreamView } from './contract.ts'
import { type HostLimits, hostLimitsDefault } from './limits.ts'
import { createPool } from './pool.ts'
import { createPoolMetrics } from './pool-metrics.ts'
import { prepareBatches } from './preparing.ts'
import type { BatchKind, HostRequest, Target } from './protocol.ts'
import { createQuarantine } from './quarantine.ts'
import { refusalOf } from './refusals.ts'
import { createServing } from './serving.ts'
import { createTargets, nobody, type Question, type Targets } from './targets.ts'
import { createUpkeep } from './upkeep.ts'

export interface SqlHostsOptions {
  /** Holds a folder for each stream, named as its DID. Made when it is first needed. */
  readonly folder: string
  readonly sources: HostSources
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly limits?: Partial<HostLimits>
  readonly spawn: SpawnChild
  readonly folders: Folders
}

/** Batches, or what gives them when a host is about to run them. */
type BatchesOrLater = readonly Batch[] | (() => readonly Batch[])

/** Hosts for the streams of a house. Nothing is started before something is asked. */
export function createSqlHosts(options: SqlHostsOptions): SqlHosts {
  const { folder, sources, clock, log, folders } = options
  const limits: HostLimits = { ...hostLimitsDefault, ...options.limits }
  const { queryMsMax, batchMsMax } = limits
  const quarantine = createQuarantine(clock)
  const metrics = createPoolMetrics(options.metrics, () => counts())
  const pool = createPool({ spawn: options.spawn, folder, clock, log, limits, metrics })
  const counts = () => ({ ...pool.counts(), quarantined: quarantine.count() })
  const targets = createTargets({ pool, sources, clock, log, limits })
  let ready: Promise<void> | undefined
  const makeReady = () => (ready ??= folders.make(folder).then(() => tellOfMemory(log)))
  const serving = createServing(quarantine, makeReady)
  const { alone, guarded } = serving

  const prepare = async (view: StreamView, kind: BatchKind, batches: BatchesOrLater): Promise<Prepared> => {
    const release = await serving.take(view.did)
    let taken = typeof batches === 'function' ? undefined : batches
    const take = () => (taken ??= typeof batches === 'function' ? batches() : batches)
    const asked = serving.at(view)
    try {
      const { results, isPending } = await guarded(view, 'batch', () =>
        prepareBatches({ targets, clock, deadlineMs: batchMsMax }, asked, kind, take),
      )
      const settle = async (op: 'commit' | 'abort') => {
        if (op === 'commit' && isPending) serving.moveOn(asked, kind, results)
        await pool.settle(asked.key, op)
        release()
      }
      if (!isPending) await settle('abort')
      return { results, commit: () => settle('commit'), abort: () => settle('abort') }
    } catch (error) {
      await pool.settle(asked.key, 'abort')
      release()
      throw error
    }
  }

  return {
    ...createUpkeep({ folder, folders, pool, targets, serving }),
    prepare: (view, batches) => prepare(view, 'event', batches),
    prepareState: (view, batches) => prepare(view, 'state', batches),
    catchUp: view =>
      alone(view.did, async () => {
        const nothing = { kind: 'event', batches: [], budgetMs: 0 } as const
        const request = (target: Target): HostRequest => ({ op: 'prepare', target, ...nothing })
        const question: Question = { op: 'prepare', name: 'catch-up', request, deadlineMs: batchMsMax }
        await guarded(view, 'batch', () => targets.ask(serving.at(view), question, 'quick'))
      }),
    query: (view, query) =>
      alone(view.did, async () => {
        const name = `query ${query.name}`
        const request = (target: Target): HostRequest => ({ op: 'query', target, query })
        const question: Question = { op: 'query', name, request, deadlineMs: queryMsMax }
        const map = await guarded(view, name, () => targets.ask(serving.at(view), question, 'quick'))
        return { count: asInteger(map['count'], 'count'), drisl: asBytes(map['rows'], 'rows') }
      }),
    validate: async module => {
      await makeReady()
      return validate(targets, module, batchMsMax)
    },
    counts,
    close: async () => pool.close(),
  }
}

async function validate(targets: Targets, bytes: Uint8Array, deadlineMs: number): Promise<readonly string[]> {
  const request = (): HostRequest => ({ op: 'validate', bytes })
  try {
    const map = await targets.ask(nobody, { op: 'validate', request, deadlineMs }, 'slow')
    return asArray(map['warnings'], 'warnings').map(warning => asText(warning, 'warning'))
  } catch (error) {
    throw refusalOf(error, 'validate')
  }
}

function tellOfMemory(log: Logger): void {
  if (!boundsChildMemory)
    log.warn({}, 'this system cannot bound the memory of processes: modules may take all there is')
}
