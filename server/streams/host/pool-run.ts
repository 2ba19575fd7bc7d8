/** Runs one job in a host, and watches the time. */
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Logger } from '../../kernel/log.ts'
import { HostEnded } from './host-process.ts'
import { type Host, killHost } from './host-state.ts'
import { Crashed, Overdue, type Waiting } from './job.ts'
import { lossesMax, settleMs, shortRunMs, yieldAfterMs } from './limits.ts'
import type { PoolMemory } from './pool-memory.ts'
import type { PoolMetrics } from './pool-metrics.ts'
import { leftMs } from './pool-waiting.ts'
import type { HostReply } from './protocol.ts'

export interface RunOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: PoolMetrics
  readonly memory: PoolMemory
  readonly isClosed: () => boolean
  /** The host has answered; before the one who asked hears of it. */
  readonly answered: (host: Host, job: Waiting, reply: HostReply) => void
  /** The host can take another. */
  readonly next: (host: Host) => void
  /** The job has to run again, somewhere else. */
  readonly again: (job: Waiting) => void
  /** Others need not wait for it any longer. */
  readonly overSoft: (host: Host, job: Waiting) => void
  /** Its host was killed, or ended. */
  readonly killed: (reason: 'overdue' | 'crashed') => void
}

/** Watches the time of a job; gives what ends it. */
function createWatch(options: RunOptions): (host: Host, job: Waiting) => () => void {
  const { clock, log, memory } = options

  /** Fires one turn of the loop later than it is due, so that an answer that is here already is read first. */
  const afterReading = (delayMs: number, fn: () => void): (() => void) => {
    let cancel = clock.after(delayMs, () => {
      cancel = clock.after(1, fn)
    })
    return () => cancel()
  }

  const overHard = (host: Host, job: Waiting) => {
    if (host.current !== job) return
    memory.wasSlow(job)
    options.killed('overdue')
    const { op, key: stream, deadlineMs } = job
    log.warn({ op, stream, deadlineMs }, 'a module ran too long and was stopped')
    killHost(host, 'overdue')
  }

  /** What takes long takes what others leave. */
  const overYield = (host: Host, job: Waiting) => {
    if (host.current !== job || host.isYielding) return
    host.isYielding = true
    host.process.yieldToOthers()
  }

  return (host, job) => {
    const { softMs } = job
    const others = host.use === 'quick' || host.use === 'trial'
    const settlingMs = host.hasSettled ? settleMs : 0
    host.hasSettled = false
    if (softMs !== undefined && others)
      host.cancelSoft = afterReading(softMs + settlingMs, () => options.overSoft(host, job))
    const cancelYield =
      softMs === undefined || host.isYielding
        ? undefined
        : clock.after(yieldAfterMs, () => overYield(host, job))
    const cancelHard = afterReading(Math.max(1, leftMs(job, clock)), () => overHard(host, job))
    return () => {
      host.cancelSoft?.()
      host.cancelSoft = undefined
      cancelYield?.()
      cancelHard()
    }
  }
}

/** Gives the function that runs a job in a host that has nothing to do. */
export function createRunner(options: RunOptions): (host: Host, job: Waiting) => void {
  const { clock, metrics, memory } = options
  const watch = createWatch(options)

  const failed = (host: Host, job: Waiting, error: Error) => {
    const isLost = error instanceof HostEnded && !job.isBound
    if (options.isClosed()) return job.reject(new Refusal('unavailable', 'streams are stopping'))
    if (isLost && host.ending === 'evicted') return options.again(job)
    if (host.ending === 'overdue') return job.reject(new Overdue(job.deadlineMs))
    if (isLost && job.losses < lossesMax) {
      const wasShort = clock.monotonic() - host.startedMs < shortRunMs
      job.losses += wasShort ? 1 : 2
      // It had no part in it.
      if (wasShort) job.firstMs = undefined
      return options.again(job)
    }
    if (!(error instanceof HostEnded)) return job.reject(error)
    options.killed('crashed')
    job.reject(new Crashed(error.message))
  }

  return (host, job) => {
    host.current = job
    host.startedMs = clock.monotonic()
    job.firstMs ??= host.startedMs
    const stopWatching = watch(host, job)
    const done = (): number => {
      stopWatching()
      host.current = undefined
      host.usedMs = clock.monotonic()
      const tookMs = host.usedMs - host.startedMs
      metrics.ran(job.op, tookMs)
      return tookMs
    }
    host.process.request(job.encode(memory.epochAt(job.key, host))).then(
      reply => {
        const tookMs = done()
        if (reply.kind === 'done' && tookMs < (job.softMs ?? 0)) memory.wasQuick(job)
        options.answered(host, job, reply)
        job.resolve(reply)
        options.next(host)
      },
      (error: unknown) => {
        done()
        failed(host, job, error instanceof Error ? error : new Error(String(error)))
      },
    )
  }
}
