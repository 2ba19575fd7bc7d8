/**
 * The host processes of a house, and which of them runs what. Quick requests share a host. What was not seen to be quick
 * is tried on a spare first. A request that is not quick keeps its host for itself, and the others move on to the spare;
 * from then on its owner is served beside the others for a while. Nothing runs while nothing is asked.
 */
import { Refusal } from '../../kernel/errors.ts'
import { startHostProcess } from './host-process.ts'
import { type Beside, countsOf, type Host, isIdle, killHost, newHost, type Use } from './host-state.ts'
import { boundJob, Crashed, type Waiting } from './job.ts'
import {
  buildHostsMax,
  idleMs,
  slowHostsMax,
  sparesMax,
  startFailuresMax,
  startMsMax,
  waitingMax,
} from './limits.ts'
import { createPoolMemory } from './pool-memory.ts'
import { createRunner } from './pool-run.ts'
import { allTaken, createWaitingJobs } from './pool-waiting.ts'
import type { Pool, PoolOptions } from './pool-types.ts'
import { encodeRequest } from './protocol.ts'

export function createPool({ spawn, folder, clock, log, limits, metrics }: PoolOptions): Pool {
  const hosts = new Set<Host>()
  const memory = createPoolMemory(clock)
  const waiting = createWaitingJobs(clock)
  /** In which host a target's transaction is open. */
  const pins = new Map<string, Host>()
  const hostsMax = limits.quickHostsMax + slowHostsMax + buildHostsMax + sparesMax + 1
  let hostIds = 0
  let failures = 0
  let kills = 0
  let closed = false
  let stopSweeping: (() => void) | undefined

  const used = (use: Use) => [...hosts].filter(host => host.use === use)
  /** Hosts to which quick requests could move on. */
  const spareCount = () => used('free').filter(host => !host.isYielding).length
  const hostOf = (key: string) => [...hosts].find(host => host.id === memory.homeOf(key))

  // Starting and ending

  const start = () => {
    if (closed || hosts.size >= hostsMax) return
    hostIds += 1
    const started = startHostProcess({ spawn, folder, limits, onEnd: reason => ended(host, reason) })
    const host = newHost(hostIds, started, clock.monotonic())
    hosts.add(host)
    metrics.started()
    stopSweeping ??= clock.every(idleMs / 4, sweep)
    const cancel = clock.after(startMsMax, () => started.kill())
    started.request(encodeRequest({ op: 'close', key: '' })).then(
      () => {
        cancel()
        failures = 0
        host.use = 'free'
        pump()
      },
      () => {
        cancel()
        failures += 1
        if (failures % startFailuresMax === 0)
          waiting.refuseAll('the processes that run modules do not start')
      },
    )
  }

  const ended = (host: Host, reason: string) => {
    hosts.delete(host)
    for (const key of host.pinned) pins.delete(key)
    for (const settle of host.settling.splice(0)) settle()
    if (host.ending === undefined && !closed) log.warn({ reason, host: host.id }, 'a host of streams ended')
    for (const job of host.queue.splice(0)) {
      if (job.isBound) job.reject(new Crashed(reason))
      else enqueue(job)
    }
    pump()
  }

  const dismiss = (host: Host) => {
    hosts.delete(host)
    killHost(host, 'evicted')
  }

  /** Ends hosts that nobody needs, and in the end all. */
  const sweep = () => {
    const dueMs = clock.monotonic() - idleMs
    for (const host of hosts) {
      if (!isIdle(host) || host.use === 'starting' || host.usedMs > dueMs) continue
      // One that is warm is kept as long as there are requests.
      const isLastSpare = host.use === 'free' && !host.isYielding && spareCount() === 1
      if (!isLastSpare || used('quick').length === 0) dismiss(host)
    }
    if (hosts.size > 0) return
    stopSweeping?.()
    stopSweeping = undefined
  }

  // Finding a host

  const enqueue = (job: Waiting) => {
    if (closed) return job.reject(new Refusal('unavailable', 'streams are stopping'))
    const host = pins.get(job.key) ?? place(job)
    if (host === undefined) return pump()
    host.queue.push(job)
    next(host)
  }

  /** The host to wait for; undefined when the job waits for one of a kind. */
  const place = (job: Waiting): Host | undefined => {
    if (job.lane === 'build') waiting.build.push(job)
    else if (job.lane === 'slow' || memory.isSlow(job.owner)) waiting.addBeside(waiting.slow, job)
    else if (memory.isUnproven(job)) waiting.addBeside(waiting.trial, job)
    else {
      const host = quickFor(job.key)
      if (host === undefined) waiting.quick.push(job)
      return host
    }
    return undefined
  }

  /** Where it is open, or the one with the shortest queue; undefined when one may be started. */
  const quickFor = (key: string): Host | undefined => {
    const quick = used('quick')
    const home = memory.homeOf(key)
    const known = quick.find(host => host.id === home)
    if (known !== undefined) return known
    if (quick.length < limits.quickHostsMax && quick.every(host => host.queue.length > 0)) return undefined
    return quick.toSorted((a, b) => a.queue.length - b.queue.length)[0]
  }

  /** A free host: the one where the target is open before others; for a slow one rather one that yields. */
  const freeFor = (key: string, use: 'quick' | Beside): Host | undefined => {
    const free = used('free').filter(host => (use !== 'quick' && use !== 'trial') || !host.isYielding)
    const home = memory.homeOf(key)
    return free.find(host => host.id === home) ?? free.find(host => host.isYielding) ?? free[0]
  }

  /** Gives those who wait what is free, and starts what is missing. */
  const pump = () => {
    if (closed) return
    let wanted = pumpQuick() + pumpBeside('trial', 1)
    wanted += pumpBeside('slow', slowHostsMax) + pumpBeside('build', buildHostsMax)
    // Some are kept warm once something runs.
    if (hosts.size > used('starting').length) wanted += memory.isSlow() ? sparesMax : 1
    const coming = used('starting').length + used('trial').length + spareCount()
    for (let count = coming; count < wanted; count += 1) start()
  }

  /** Gives how many hosts it takes that are not there. */
  const pumpQuick = (): number => {
    const [first] = waiting.quick
    if (first === undefined) return 0
    const host = freeFor(first.key, 'quick')
    if (host === undefined) return 1
    host.use = 'quick'
    host.queue.push(...waiting.quick.splice(0))
    next(host)
    return 0
  }

  const pumpBeside = (use: Beside, max: number): number => {
    let missing = 0
    for (const job of waiting[use].slice()) {
      const running = used(use)
      if (running.length + missing >= max) break
      if (use === 'slow' && running.some(host => host.owner === job.owner)) continue
      const host = freeFor(job.key, use)
      if (host === undefined) {
        missing += 1
        continue
      }
      waiting.remove(waiting[use], job)
      host.use = use
      host.owner = job.owner
      host.queue.push(job)
      next(host)
    }
    return missing
  }

  // Running

  const next = (host: Host) => {
    if (host.current !== undefined || host.use === 'starting') return
    for (const settle of host.settling.splice(0)) settle()
    // One that yields is for slow requests from now on.
    if (host.use === 'quick' && host.isYielding && host.pinned.size === 0) return moveOn(host, 'free')
    const job = host.queue.shift()
    if (job !== undefined) return run(host, job)
    if (host.use === 'quick' || host.use === 'free' || host.pinned.size > 0) return
    setFree(host)
    pump()
  }

  /** Everybody but the one that runs finds another host. */
  const moveOn = (host: Host, use: 'slow' | 'free') => {
    const others = host.queue.splice(0)
    if (use === 'free') setFree(host)
    else host.use = use
    for (const job of others) enqueue(job)
    pump()
  }

  const setFree = (host: Host) => {
    host.use = 'free'
    host.owner = undefined
    // Of those that are for slow requests only, one is enough.
    if (host.isYielding && used('free').some(other => other !== host && other.isYielding)) dismiss(host)
  }

  const overSoft = (host: Host, job: Waiting) => {
    if (host.current !== job || (host.use !== 'quick' && host.use !== 'trial')) return
    memory.wasSlow(job)
    if (host.use === 'quick' && spareCount() === 0) {
      // Nobody could move on. As soon as one is there.
      pump()
      host.cancelSoft = clock.after(job.softMs ?? 0, () => overSoft(host, job))
      return
    }
    const slow = used('slow')
    const hasRoom = slow.length < slowHostsMax && slow.every(one => one.owner !== job.owner)
    const holdsOthers = [...host.pinned].some(key => key !== job.key)
    if (!hasRoom || holdsOthers) {
      // Others would wait for it with their transactions open. It starts again, beside them.
      metrics.killed('evicted')
      return killHost(host, 'evicted')
    }
    host.owner = job.owner
    moveOn(host, 'slow')
  }

  const run = createRunner({
    clock,
    log,
    metrics,
    memory,
    isClosed: () => closed,
    next,
    again: enqueue,
    overSoft,
    answered: (host, job, reply) => {
      if (job.pins?.(reply) !== true) return
      pins.set(job.key, host)
      host.pinned.add(job.key)
    },
    killed: reason => {
      kills += 1
      metrics.killed(reason)
    },
  })

  /** Tells a host to close a target; resolves when it has, or is gone. */
  const closeIn = (host: Host, key: string): Promise<void> =>
    new Promise(resolve => {
      // Before all others: somebody waits for it with his stream locked.
      host.queue.unshift(boundJob(key, encodeRequest({ op: 'close', key }), resolve))
      next(host)
    })

  return {
    run: job =>
      new Promise((resolve, reject) => {
        const queued = [...hosts].reduce((sum, host) => sum + host.queue.length, 0)
        if (queued + waiting.quick.length + waiting.build.length >= waitingMax) return reject(allTaken())
        const state = { isBound: false, losses: 0, firstMs: undefined, cancelWait: undefined }
        enqueue({ ...job, ...state, resolve, reject })
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
      const host = hostOf(key)
      // Its answer comes after everything that was said before.
      if (host !== undefined && host.use !== 'starting') await closeIn(host, '')
    },
    forget: async key => {
      const host = hostOf(key)
      memory.leave(key)
      // A busy one closes it later, when it opens it again or needs room.
      if (host !== undefined && host.current === undefined && host.use !== 'starting')
        await closeIn(host, key)
    },
    counts: () => ({ ...countsOf(hosts), kills }),
    close: () => {
      closed = true
      stopSweeping?.()
      waiting.refuseAll('streams are stopping')
      for (const host of hosts) host.process.kill()
    },
  }
}
