import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { FetchJob, FetchResult, HoldJob, Job, SendJob, SendResult, WakeJob, WakeResult } from './jobs.ts'

/** A process that makes load. */
export interface Generator {
  send(job: Omit<SendJob, 'kind'>): Promise<SendResult>
  hold(job: Omit<HoldJob, 'kind'>): Promise<void>
  wake(job: Omit<WakeJob, 'kind'>): Promise<WakeResult>
  fetch(job: Omit<FetchJob, 'kind'>): Promise<FetchResult>
  stop(): void
}

const program = fileURLToPath(new URL('generator-process.ts', import.meta.url))

export function startGenerator(): Generator {
  const child = fork(program, { execArgv: ['--max-semi-space-size=32'], serialization: 'advanced' })
  const killWithParent = () => child.kill('SIGKILL')
  process.once('exit', killWithParent)
  return {
    send: job => ask<SendResult>(child, { kind: 'send', ...job }),
    hold: async job => void (await ask(child, { kind: 'hold', ...job })),
    wake: job => ask<WakeResult>(child, { kind: 'wake', ...job }),
    fetch: job => ask<FetchResult>(child, { kind: 'fetch', ...job }),
    stop: () => {
      process.off('exit', killWithParent)
      child.kill('SIGKILL')
    },
  }
}

// What a job gives is what the process says: both ends are of this folder.
function ask<Result>(child: ChildProcess, job: Job): Promise<Result> {
  return new Promise((resolve, reject) => {
    const exited = () => reject(new Error('the process that makes the load has ended'))
    child.once('exit', exited)
    child.once('message', (answer: { readonly result?: Result; readonly fault?: string }) => {
      child.off('exit', exited)
      if (answer.fault === undefined) resolve(answer.result as Result)
      else reject(new Error(answer.fault))
    })
    child.send(job)
  })
}
