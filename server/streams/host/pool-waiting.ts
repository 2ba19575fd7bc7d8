/** Jobs that wait for a host of their kind. */
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Waiting } from './job.ts'
import { slowWaitingMax, slowWaitMsMax } from './limits.ts'

export interface WaitingJobs {
  /** For hosts that all share. */
  readonly quick: Waiting[]
  readonly trial: Waiting[]
  readonly slow: Waiting[]
  readonly build: Waiting[]
  /** Lets a job wait for its turn, for some time; refuses it when too many wait. */
  addBeside(waiting: Waiting[], job: Waiting): void
  /** Its turn has come. */
  remove(waiting: Waiting[], job: Waiting): void
  refuseAll(why: string): void
}

export function createWaitingJobs(clock: Clock): WaitingJobs {
  const jobs: Record<'quick' | 'trial' | 'slow' | 'build', Waiting[]> = {
    quick: [],
    trial: [],
    slow: [],
    build: [],
  }
  const remove = (waiting: Waiting[], job: Waiting) => {
    const at = waiting.indexOf(job)
    if (at >= 0) waiting.splice(at, 1)
    job.cancelWait?.()
    job.cancelWait = undefined
  }
  return {
    ...jobs,
    addBeside: (waiting, job) => {
      if (waiting.length >= slowWaitingMax) return job.reject(allTaken())
      const waitMs = job.firstMs === undefined ? slowWaitMsMax : Math.min(slowWaitMsMax, leftMs(job, clock))
      job.cancelWait = clock.after(waitMs, () => {
        remove(waiting, job)
        job.reject(allTaken())
      })
      waiting.push(job)
    },
    remove,
    refuseAll: why => {
      for (const waiting of [jobs.quick, jobs.trial, jobs.slow, jobs.build]) {
        for (const job of waiting.slice()) {
          remove(waiting, job)
          job.reject(new Refusal('unavailable', why, { retryAfterMs: 5000 }))
        }
      }
    },
  }
}

/** What is left of a job's time: it runs from when it first had a host. */
export function leftMs({ firstMs, deadlineMs }: Waiting, clock: Clock): number {
  return firstMs === undefined ? deadlineMs : firstMs + deadlineMs - clock.monotonic()
}

export const allTaken = () =>
  new Refusal('unavailable', 'too many slow requests at once; try again in a moment', { retryAfterMs: 2000 })
