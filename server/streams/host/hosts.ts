/**
 * SQL hosts: processes that run the SQL of strangers' modules, each in tables of its stream. This is their door. It owns
 * the files below its folder, which come back from the log when they are lost (but for the state); it does not own the
 * log, and never decides what is in it.
 */
import { asArray, asBytes, asInteger, asText } from '@leaf/streams/fields'
import type { DrislMap } from '@leaf/codec/drisl'
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import { boundsChildMemory, type SpawnChild } from '../../kernel/child.ts'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Folders } from '../../kernel/files.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Metrics } from '../../kernel/metrics.ts'
import { buildModule } from './build.ts'
import type { Batch, BatchResult, HostSources, Prepared, SqlHosts, StreamView } from './contract.ts'
import { Crashed, Overdue } from './job.ts'
import { type HostLimits, hostLimitsDefault, ownMsMax, rememberedMax, streamWaitingMax } from './limits.ts'
import { createLocks } from './locks.ts'
import { createPool } from './pool.ts'
import { createPoolMetrics } from './pool-metrics.ts'
import { prepareBatches } from './preparing.ts'
import { type BatchKind, type HostRequest, type Target, targetOf } from './protocol.ts'
import { createQuarantine } from './quarantine.ts'
import { type Asked, CatchUpFault, createTargets, ModuleFault, type Question } from './targets.ts'

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

/** Hosts for the streams of a house. Nothing is started before something is asked. */
export function createSqlHosts(options: SqlHostsOptions): SqlHosts {
  const { folder, sources, clock, log, folders } = options
  const limits: HostLimits = { ...hostLimitsDefault, ...options.limits }
  const quarantine = createQuarantine(clock)
  const metrics = createPoolMetrics(options.metrics, () => counts())
  const pool = createPool({ spawn: options.spawn, folder, clock, log, limits, metrics })
  const counts = () => ({ ...pool.counts(), quarantined: quarantine.count() })
  const targets = createTargets({ pool, sources, clock, log, limits })
  const locks = createLocks(streamWaitingMax)
  /** A request may have waited while others moved the stream on. */
  const heads = createBoundedMap<string, { readonly head: number; readonly stateHead: number }>(rememberedMax)
  let ready: Promise<void> | undefined

  const makeReady = () =>
    (ready ??= folders.make(folder).then(() => {
      if (!boundsChildMemory)
        log.warn({}, 'this system cannot bound the memory of processes: modules may take all there is')
    }))

  const servedBy = (view: StreamView): Asked => {
    const known = heads.get(view.did)
    const head = Math.max(view.head, known?.head ?? 0)
    const stateHead = Math.max(view.stateHead, known?.stateHead ?? 0)
    heads.set(view.did, { head, stateHead })
    return { ...targetOf({ ...view, head, stateHead }, false), owner: view.owner }
  }

  /** Runs `fn` while nothing else is asked of the stream. */
  const alone = async <T>(did: string, fn: () => Promise<T>): Promise<T> => {
    await makeReady()
    const release = await locks.take(did)
    try {
      return await fn()
    } finally {
      release()
    }
  }

  /** `what` is what is refused after it was killed twice. */
  const guarded = async <T>(view: StreamView, what: string, fn: () => Promise<T>): Promise<T> => {
    const name = `${view.did} ${view.module.cid} ${what}`
    quarantine.check(name)
    try {
      return await fn()
    } catch (error) {
      if (error instanceof Overdue || error instanceof Crashed) quarantine.killed(name)
      throw refusalOf(error, what)
    }
  }

  const prepare = async (
    view: StreamView,
    kind: BatchKind,
    batches: readonly Batch[] | (() => readonly Batch[]),
  ): Promise<Prepared> => {
    await makeReady()
    const release = await locks.take(view.did)
    let taken = typeof batches === 'function' ? undefined : batches
    const take = () => (taken ??= typeof batches === 'function' ? batches() : batches)
    const asked = servedBy(view)
    try {
      const { results, isPending } = await guarded(view, 'batch', () =>
        prepareBatches({ targets, clock, deadlineMs: limits.batchMsMax }, asked, kind, take),
      )
      const settle = async (op: 'commit' | 'abort') => {
        if (op === 'commit' && isPending) moveOn(asked, kind, results)
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

  const moveOn = ({ did, head, stateHead }: Asked, kind: BatchKind, results: readonly BatchResult[]) => {
    let last = 0
    for (const result of results) if (result.ok) last = result.lastIdx
    heads.set(
      did,
      kind === 'event'
        ? { head: Math.max(head, last), stateHead }
        : { head, stateHead: Math.max(stateHead, last) },
    )
  }

  /** Something of ours about a stream that serves. */
  const askOwn = (view: StreamView, op: 'checkpoint' | 'copy' | 'adopt'): Promise<DrislMap> => {
    const request = (target: Target): HostRequest => ({ op, target })
    return guarded(view, op, () =>
      targets.ask(servedBy(view), { op, request, deadlineMs: ownMsMax, isOwn: true }, 'quick'),
    )
  }

  const closeAll = async (did: string, generation?: number) => {
    await targets.forget(did)
    if (generation !== undefined) await targets.forget(`${did}#${generation}`)
  }

  return {
    prepare: (view, batches) => prepare(view, 'event', batches),
    prepareState: (view, batches) => prepare(view, 'state', batches),
    catchUp: view =>
      alone(view.did, async () => {
        const asked = servedBy(view)
        const request = (target: Target): HostRequest => ({
          op: 'prepare',
          target,
          kind: 'event',
          batches: [],
          budgetMs: 0,
        })
        const question: Question = { op: 'prepare', name: 'catch-up', request, deadlineMs: limits.batchMsMax }
        await guarded(view, 'batch', () => targets.ask(asked, question, 'quick'))
      }),
    query: (view, query) =>
      alone(view.did, async () => {
        const asked = servedBy(view)
        const request = (target: Target): HostRequest => ({ op: 'query', target, query })
        const question: Question = {
          op: 'query',
          name: `query ${query.name}`,
          request,
          deadlineMs: limits.queryMsMax,
        }
        const map = await guarded(view, `query ${query.name}`, () => targets.ask(asked, question, 'quick'))
        return { count: asInteger(map['count'], 'count'), drisl: asBytes(map['rows'], 'rows') }
      }),
    validate: async module => {
      await makeReady()
      const asked: Asked = { ...nobody, owner: nobody.key }
      const request = (): HostRequest => ({ op: 'validate', bytes: module })
      try {
        const question: Question = { op: 'validate', request, deadlineMs: limits.batchMsMax }
        const map = await targets.ask(asked, question, 'slow')
        return asArray(map['warnings'], 'warnings').map(warning => asText(warning, 'warning'))
      } catch (error) {
        throw refusalOf(error, 'validate')
      }
    },
    build: async (view, { signal, onProgress }) => {
      await makeReady()
      const asked: Asked = { ...targetOf(view, true), owner: view.owner }
      // The copy of the state that it begins with has all that was committed.
      await alone(view.did, () => pool.drain(view.did))
      const release = await locks.take(asked.key)
      try {
        await guarded(view, 'build', () => buildModule(targets, asked, signal, onProgress))
      } finally {
        release()
      }
    },
    adopt: view =>
      alone(view.did, async () => {
        await closeAll(view.did, view.module.generation)
        await askOwn(view, 'adopt')
      }),
    discard: (did, module) =>
      alone(did, async () => {
        await closeAll(did, module.generation)
        const asked: Asked = { ...nobody, key: `${did}#${module.generation}`, owner: nobody.key }
        const request = (): HostRequest => ({
          op: 'discard',
          did,
          cid: module.cid,
          generation: module.generation,
        })
        await targets.ask(asked, { op: 'discard', request, deadlineMs: ownMsMax, isOwn: true }, 'quick')
      }),
    checkpointState: view =>
      alone(view.did, async () => {
        const map = await askOwn(view, 'checkpoint')
        return { seq: asInteger(map['seq'], 'seq'), idx: asInteger(map['idx'], 'idx') }
      }),
    copyState: view =>
      alone(view.did, async () => {
        await askOwn(view, 'copy')
        const path = `${folder}/${view.did}/state-copy.db`
        const bytes = await folders.read(path)
        for (const suffix of ['', '-wal', '-shm']) await folders.remove(path + suffix)
        return bytes
      }),
    placeState: (did, bytes) =>
      alone(did, async () => {
        await closeAll(did)
        const path = `${folder}/${checkedName(did)}/state.db`
        for (const suffix of ['-wal', '-shm']) await folders.remove(path + suffix)
        await folders.writeDurably(path, bytes)
      }),
    remove: did =>
      alone(did, async () => {
        await closeAll(did)
        heads.delete(did)
        await folders.remove(`${folder}/${checkedName(did)}`)
      }),
    counts,
    close: async () => pool.close(),
  }
}

/** A target that is none: for what concerns no stream that is open. */
const nobody = { key: '#', did: '', cid: '', generation: 0, build: false, head: 0, stateHead: 0 }

/** A DID as the name of a folder. */
function checkedName(did: string): string {
  if (!/^did:[a-z0-9]+:[A-Za-z0-9._%-]+$/.test(did))
    throw new Refusal('invalid', `expected a DID, got ${did}`)
  return did
}

const prefix = 'Error while running stream module: '

/** What callers are told. */
function refusalOf(error: unknown, what: string): unknown {
  if (error instanceof ModuleFault) return new Refusal('invalid', error.message, { cause: error })
  if (error instanceof CatchUpFault) {
    const text =
      what === 'batch'
        ? 'error catching up module'
        : `Module is currently in an error state: ${error.message}`
    return new Refusal('invalid', prefix + text, { cause: error })
  }
  if (error instanceof Overdue)
    return new Refusal('invalid', `${prefix}it ran longer than ${error.deadlineMs} ms and was stopped`, {
      cause: error,
    })
  if (error instanceof Crashed)
    return new Refusal('invalid', `${prefix}it took more memory than it may and was stopped`, {
      cause: error,
    })
  return error
}
