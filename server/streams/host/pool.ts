/**
 * The host processes of a house, and which of them runs what. Quick requests share a host. A request that is not quick
 * keeps its host for itself, and the others move to a warm one; from then on its owner is served beside the others for a
 * while. Nothing runs while nothing is asked.
 */
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { SpawnChild } from '../../kernel/child.ts'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Logger } from '../../kernel/log.ts'
import { HostEnded, type HostProcess, startHostProcess } from './host-process.ts'
import { Crashed, type Job, Overdue, type Waiting } from './job.ts'
import {
  buildHostsMax,
  type HostLimits,
  idleMs,
  lossesMax,
  ownMsMax,
  provenMax,
  rememberedMax,
  shortRunMs,
  settleMs,
  slowHostsMax,
  slowMemoryMs,
  slowWaitingMax,
  slowWaitMsMax,
  startFailuresMax,
  startMsMax,
  yieldAfterMs,
  waitingMax,
} from './limits.ts'
import type { PoolMetrics } from './pool-metrics.ts'
import { encodeRequest, type HostReply } from './protocol.ts'

export interface Pool {
  /** Rejects with Overdue, Crashed, or Refusal `unavailable`. */
  run(job: Job): Promise<HostReply>
  /** Ends the transaction that a job left open. Never rejects: when its host is gone, so is the transaction. */
  settle(key: string, op: 'commit' | 'abort'): Promise<void>
  /** Resolves when transactions of this target that were settled are over. */
  drain(key: string): Promise<void>
  /** Whatever has this target open must open it again. */
  forget(key: string): Promise<void>
  counts(): {
    readonly hosts: number
    readonly openStreams: number
    readonly stuck: number
    readonly kills: number
  }
  close(): void
}

export interface PoolOptions {
  readonly spawn: SpawnChild
  readonly folder: string
  readonly clock: Clock
  readonly log: Logger
  readonly limits: HostLimits
  readonly metrics: PoolMetrics
}

const softMsOf = (job: Job) => job.softMs ?? 0

/** What a host is used for now. A free one has nothing to do and is warm. */
type Use = 'starting' | 'free' | 'quick' | Beside
/** One request at a time, apart from the others: to see whether it is quick, because it is not, to build. */
type Beside = 'trial' | 'slow' | 'build'

interface Host {
  readonly id: number
  readonly process: HostProcess
  use: Use
  /** It works when nobody else does, and is not for quick requests any more. */
  isYielding: boolean
  current: Waiting | undefined
  /** Whose slow request it runs, or keeps open. */
  owner: string | undefined
  /** Ends the wait for the moment at which others move on. */
  cancelSoft: (() => void) | undefined
  /** Keys whose transaction is open in it. */
  readonly pinned: Set<string>
  /** Those who end a transaction as soon as the running request is over. */
  settling: (() => void)[]
  /** It may have to do that yet, before its next request. */
  hasSettled: boolean
  queue: Waiting[]
  /** Why it is being killed. */
  ending: 'overdue' | 'evicted' | undefined
  startedMs: number
  usedMs: number
}

export function createPool({ spawn, folder, clock, log, limits, metrics }: PoolOptions): Pool {
  const hosts = new Set<Host>()
  const pins = new Map<string, Host>()
  /** Where targets are open. */
  const places = createBoundedMap<string, { readonly host: number; readonly epoch: number }>(rememberedMax)
  const proven = createBoundedMap<string, true>(provenMax)
  const slowOwners = createBoundedMap<string, number>(rememberedMax)
  const quickWaiting: Waiting[] = []
  const trialWaiting: Waiting[] = []
  const slowWaiting: Waiting[] = []
  const buildWaiting: Waiting[] = []
  let hostIds = 0
  let epochs = 0
  let failures = 0
  let kills = 0
  let closed = false
  /** Until then one more host is kept warm. */
  let slowUntilMs = -Infinity
  let stopSweeping: (() => void) | undefined
  const hostsMax = limits.quickHostsMax + slowHostsMax + buildHostsMax + 3

  const used = (use: Use) => [...hosts].filter(host => host.use === use)
  const waitingCount = () =>
    quickWaiting.length + [...hosts].reduce((sum, host) => sum + host.queue.length, 0) + buildWaiting.length

  // Starting and ending

  const start = () => {
    if (closed || hosts.size >= hostsMax) return
    hostIds += 1
    const host: Host = {
      id: hostIds,
      process: startHostProcess({ spawn, folder, limits, onEnd: reason => ended(host, reason) }),
      use: 'starting',
      isYielding: false,
      current: undefined,
      owner: undefined,
      cancelSoft: undefined,
      pinned: new Set(),
      settling: [],
      hasSettled: false,
      queue: [],
      ending: undefined,
      startedMs: clock.monotonic(),
      usedMs: clock.monotonic(),
    }
    hosts.add(host)
    metrics.started()
    stopSweeping ??= clock.every(idleMs / 4, sweep)
    const cancel = clock.after(startMsMax, () => host.process.kill())
    host.process.request(encodeRequest({ op: 'close', key: '' })).then(
      () => {
        cancel()
        failures = 0
        host.use = 'free'
        pump()
      },
      () => {
        cancel()
        failures += 1
        if (failures >= startFailuresMax) refuseWaiting('the processes that run modules do not start')
      },
    )
  }

  const refuseWaiting = (why: string) => {
    const all = [quickWaiting, trialWaiting, slowWaiting, buildWaiting].flatMap(jobs => jobs.splice(0))
    failures = 0
    for (const job of all)
      finish(job, () => job.reject(new Refusal('unavailable', why, { retryAfterMs: 5000 })))
  }

  const ended = (host: Host, reason: string) => {
    hosts.delete(host)
    for (const key of host.pinned) pins.delete(key)
    for (const settle of host.settling.splice(0)) settle()
    const { queue } = host
    host.queue = []
    if (host.ending === undefined && !closed) log.warn({ reason, host: host.id }, 'a host of streams ended')
    for (const job of queue) {
      if (job.isBound) job.reject(new Crashed(reason))
      else enqueue(job)
    }
    pump()
  }

  const kill = (host: Host, why: 'overdue' | 'evicted') => {
    host.ending = why
    host.process.kill()
  }

  /** Ends hosts that nobody needs, and in the end all. */
  const sweep = () => {
    const now = clock.monotonic()
    for (const host of hosts) {
      const isIdle = host.current === undefined && host.queue.length === 0 && host.pinned.size === 0
      if (!isIdle || host.use === 'starting' || now - host.usedMs < idleMs) continue
      // One that is warm is kept as long as there are requests.
      const isLastSpare =
        host.use === 'free' && !host.isYielding && used('free').length === 1 && used('quick').length > 0
      if (isLastSpare) continue
      dismiss(host)
    }
    if (hosts.size > 0) return
    stopSweeping?.()
    stopSweeping = undefined
  }

  // Finding a host

  const finish = (job: Waiting, settle: () => void) => {
    job.cancelWait?.()
    job.cancelWait = undefined
    settle()
  }

  const isSlow = (owner: string) => (slowOwners.get(owner) ?? -Infinity) > clock.monotonic()

  /** Hosts to which quick requests could move on. */
  const spareCount = () => used('free').filter(host => !host.isYielding).length

  /** What was not seen to be quick is tried on the spare, where nobody else waits. */
  const isUnproven = (job: Waiting) => job.what !== undefined && proven.get(job.what) !== true

  const enqueue = (job: Waiting) => {
    if (closed) return job.reject(new Refusal('unavailable', 'streams are stopping'))
    const pinnedAt = pins.get(job.key)
    if (pinnedAt !== undefined) {
      pinnedAt.queue.push(job)
      return next(pinnedAt)
    }
    if (job.lane === 'build') buildWaiting.push(job)
    else if (job.lane === 'slow' || isSlow(job.owner)) enqueueSlow(job)
    else if (isUnproven(job)) enqueueBeside(job, trialWaiting)
    else {
      const host = quickFor(job.key)
      if (host !== undefined) {
        host.queue.push(job)
        return next(host)
      }
      quickWaiting.push(job)
    }
    pump()
  }

  const enqueueSlow = (job: Waiting) => enqueueBeside(job, slowWaiting)

  const enqueueBeside = (job: Waiting, waiting: Waiting[]) => {
    if (waiting.length >= slowWaitingMax) return finish(job, () => job.reject(allTaken()))
    const waitMs = job.firstMs === undefined ? slowWaitMsMax : Math.min(slowWaitMsMax, leftMs(job))
    job.cancelWait ??= clock.after(waitMs, () => {
      const at = waiting.indexOf(job)
      if (at >= 0) waiting.splice(at, 1)
      job.reject(allTaken())
    })
    waiting.push(job)
  }

  const allTaken = () =>
    new Refusal('unavailable', 'too many slow requests at once; try again in a moment', {
      retryAfterMs: 2000,
    })

  /** Where it is open, or the one with the shortest queue; undefined when one may be started. */
  const quickFor = (key: string): Host | undefined => {
    const quick = used('quick')
    const place = places.get(key)
    const home = quick.find(host => host.id === place?.host)
    if (home !== undefined) return home
    if (quick.length < limits.quickHostsMax && quick.every(host => host.queue.length > 0)) return undefined
    return quick.toSorted((a, b) => a.queue.length - b.queue.length)[0]
  }

  /** A free host: the one where the target is open before others; for a slow one rather one that yields. */
  const takeFree = (key: string, use: 'quick' | Beside): Host | undefined => {
    const free = used('free').filter(host => (use !== 'quick' && use !== 'trial') || !host.isYielding)
    const place = places.get(key)
    return free.find(host => host.id === place?.host) ?? free.find(host => host.isYielding) ?? free[0]
  }

  /** Gives those who wait what is free, and starts what is missing. */
  const pump = () => {
    if (closed) return
    let wanted = 0
    if (quickWaiting.length > 0) {
      const host = takeFree(quickWaiting[0]?.key ?? '', 'quick')
      if (host === undefined) wanted += 1
      else {
        host.use = 'quick'
        host.queue.push(...quickWaiting.splice(0))
        next(host)
      }
    }
    wanted += pumpBeside(trialWaiting, 'trial', 1)
    wanted += pumpBeside(slowWaiting, 'slow', slowHostsMax)
    wanted += pumpBeside(buildWaiting, 'build', buildHostsMax)
    // One more is kept warm once something runs.
    if (hosts.size > used('starting').length) wanted += clock.monotonic() < slowUntilMs ? 2 : 1
    const coming = used('starting').length + used('trial').length + spareCount()
    for (let count = coming; count < wanted; count += 1) start()
  }

  const beside = (host: Host, use: Beside, owner: string) => {
    host.use = use
    host.owner = owner
  }

  /** What takes long takes what others leave. */
  const overYield = (host: Host, job: Waiting) => {
    if (host.current !== job || host.isYielding) return
    host.isYielding = true
    host.process.yieldToOthers()
  }

  /** Starts those of `waiting` for whom there is room; gives how many hosts that takes that are not there. */
  const pumpBeside = (waiting: Waiting[], use: Beside, max: number): number => {
    let missing = 0
    for (const job of waiting.slice()) {
      const running = used(use)
      if (running.length + missing >= max) break
      if (use === 'slow' && running.some(host => host.owner === job.owner)) continue
      const host = takeFree(job.key, use)
      if (host === undefined) {
        missing += 1
        continue
      }
      waiting.splice(waiting.indexOf(job), 1)
      job.cancelWait?.()
      job.cancelWait = undefined
      beside(host, use, job.owner)
      host.queue.push(job)
      next(host)
    }
    return missing
  }

  // Running

  const next = (host: Host) => {
    if (host.current !== undefined || host.use === 'starting') return
    for (const settle of host.settling.splice(0)) settle()
    if (host.use === 'quick' && host.isYielding && host.pinned.size === 0) retire(host)
    const job = host.queue.shift()
    if (job !== undefined) return dispatch(host, job)
    if (host.use !== 'quick' && host.use !== 'free' && host.pinned.size === 0) {
      setFree(host)
      pump()
    }
  }

  /** A host that yields is for slow requests from now on. */
  const retire = (host: Host) => {
    const queue = host.queue.splice(0)
    setFree(host)
    for (const job of queue) enqueue(job)
  }

  const setFree = (host: Host) => {
    host.use = 'free'
    host.owner = undefined
    // Of those that are for slow requests only, one is enough.
    if (host.isYielding && used('free').some(other => other !== host && other.isYielding)) dismiss(host)
  }

  const dismiss = (host: Host) => {
    hosts.delete(host)
    kill(host, 'evicted')
  }

  const epochAt = (key: string, host: Host): number => {
    const place = places.get(key)
    if (place?.host === host.id) return place.epoch
    epochs += 1
    places.set(key, { host: host.id, epoch: epochs })
    return epochs
  }

  const leftMs = ({ firstMs, deadlineMs }: Waiting) =>
    firstMs === undefined ? deadlineMs : firstMs + deadlineMs - clock.monotonic()

  const dispatch = (host: Host, job: Waiting) => {
    host.current = job
    host.startedMs = clock.monotonic()
    job.firstMs ??= host.startedMs
    const { softMs } = job
    host.cancelSoft =
      softMs === undefined || (host.use !== 'quick' && host.use !== 'trial')
        ? undefined
        : afterReading(softMs + (host.hasSettled ? settleMs : 0), () => overSoft(host, job))
    const cancelYield =
      softMs === undefined || host.isYielding
        ? undefined
        : clock.after(yieldAfterMs, () => overYield(host, job))
    host.hasSettled = false
    const cancelHard = afterReading(Math.max(1, leftMs(job)), () => overHard(host, job))
    const done = () => {
      host.cancelSoft?.()
      cancelYield?.()
      cancelHard()
      host.current = undefined
      host.usedMs = clock.monotonic()
      metrics.ran(job.op, host.usedMs - host.startedMs)
    }
    host.process.request(job.encode(epochAt(job.key, host))).then(
      reply => {
        done()
        if (
          job.proves &&
          job.what !== undefined &&
          reply.kind === 'done' &&
          host.usedMs - host.startedMs < softMsOf(job)
        )
          proven.set(job.what, true)
        if (job.pins?.(reply) === true) {
          pins.set(job.key, host)
          host.pinned.add(job.key)
        }
        finish(job, () => job.resolve(reply))
        next(host)
      },
      (error: unknown) => {
        done()
        failed(host, job, error)
      },
    )
  }

  /** Fires one turn of the loop later than it is due, so that an answer that is here already is read first. */
  const afterReading = (delayMs: number, fn: () => void): (() => void) => {
    let cancel = clock.after(delayMs, () => {
      cancel = clock.after(1, fn)
    })
    return () => cancel()
  }

  const failed = (host: Host, job: Waiting, error: unknown) => {
    if (host.ending === 'evicted' && !job.isBound) {
      enqueue(job)
    } else if (host.ending === 'overdue') {
      finish(job, () => job.reject(new Overdue(job.deadlineMs)))
    } else if (error instanceof HostEnded && !job.isBound && job.losses < lossesMax && !closed) {
      const ranMs = clock.monotonic() - host.startedMs
      job.losses += ranMs < shortRunMs ? 1 : 2
      enqueue(job)
    } else if (error instanceof HostEnded) {
      kills += 1
      metrics.killed('crashed')
      finish(job, () => job.reject(new Crashed(error.message)))
    } else {
      finish(job, () => job.reject(error instanceof Error ? error : new Error(String(error))))
    }
  }

  const overSoft = (host: Host, job: Waiting) => {
    if (host.current !== job || (host.use !== 'quick' && host.use !== 'trial')) return
    if (job.what !== undefined) proven.delete(job.what)
    slowOwners.set(job.owner, clock.monotonic() + slowMemoryMs)
    slowUntilMs = clock.monotonic() + slowMemoryMs
    if (host.use === 'quick' && spareCount() === 0) {
      // Nobody could move on. As soon as one is there.
      pump()
      host.cancelSoft = clock.after(softMsOf(job), () => overSoft(host, job))
      return
    }
    const running = used('slow')
    const hasRoom = running.length < slowHostsMax && running.every(one => one.owner !== job.owner)
    const holdsOthers = [...host.pinned].some(key => key !== job.key)
    if (!hasRoom || holdsOthers) {
      // Others would wait for it with their transactions open. It starts again, beside them.
      metrics.killed('evicted')
      return kill(host, 'evicted')
    }
    beside(host, 'slow', job.owner)
    const { queue } = host
    host.queue = []
    for (const other of queue) enqueue(other)
    pump()
  }

  const overHard = (host: Host, job: Waiting) => {
    if (host.current !== job) return
    kills += 1
    slowOwners.set(job.owner, clock.monotonic() + slowMemoryMs)
    metrics.killed('overdue')
    log.warn(
      { op: job.op, stream: job.key, deadlineMs: job.deadlineMs },
      'a module ran too long and was stopped',
    )
    kill(host, 'overdue')
  }

  const own = (host: Host, key: string, op: 'close'): Promise<void> =>
    new Promise(resolve => {
      const end = () => resolve()
      const job: Waiting = {
        key,
        owner: '',
        lane: 'quick',
        op,
        softMs: undefined,
        deadlineMs: ownMsMax,
        encode: () => encodeRequest({ op, key }),
        resolve: end,
        reject: end,
        isBound: true,
        what: undefined,
        proves: false,
        losses: 0,
        firstMs: undefined,
        cancelWait: undefined,
      }
      // Before all others: somebody waits for it with his stream locked.
      host.queue.unshift(job)
      next(host)
    })

  return {
    run: job =>
      new Promise((resolve, reject) => {
        if (waitingCount() >= waitingMax) return reject(allTaken())
        enqueue({
          ...job,
          resolve,
          reject,
          isBound: false,
          losses: 0,
          firstMs: undefined,
          cancelWait: undefined,
        })
      }),
    settle: async (key, op) => {
      const host = pins.get(key)
      if (host === undefined) return
      const now = () => {
        if (pins.get(key) === host) pins.delete(key)
        host.pinned.delete(key)
        host.hasSettled = true
        host.process.tell(encodeRequest({ op, key }))
      }
      // Behind a request that may take long it must be known that the transaction is still open.
      if (host.current !== undefined) return new Promise(resolve => host.settling.push(() => resolve(now())))
      now()
      next(host)
    },
    drain: async key => {
      const place = places.get(key)
      const host = [...hosts].find(one => one.id === place?.host)
      // Its answer comes after everything that was said before.
      if (host !== undefined && host.use !== 'starting') await own(host, '', 'close')
    },
    forget: async key => {
      const place = places.get(key)
      places.delete(key)
      const host = [...hosts].find(one => one.id === place?.host)
      // A busy one closes it later, when it opens it again or needs room.
      if (host !== undefined && host.current === undefined && host.use !== 'starting')
        await own(host, key, 'close')
    },
    counts: () => ({
      hosts: hosts.size,
      openStreams: [...hosts].reduce((sum, host) => sum + host.process.openCount(), 0),
      stuck: used('slow').filter(host => host.current !== undefined).length,
      kills,
    }),
    close: () => {
      closed = true
      stopSweeping?.()
      refuseWaiting('streams are stopping')
      for (const host of hosts) host.process.kill()
    },
  }
}
