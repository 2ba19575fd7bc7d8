/** A host as the pool sees it. */
import type { HostProcess } from './host-process.ts'
import type { Waiting } from './job.ts'

/** One request at a time, apart from the others: to see whether it is quick, because it is not, to build. */
export type Beside = 'trial' | 'slow' | 'build'
/** What a host is used for now. A free one has nothing to do and is warm. */
export type Use = 'starting' | 'free' | 'quick' | Beside

export interface Host {
  readonly id: number
  readonly process: HostProcess
  use: Use
  /** It takes what others leave, and is not for quick requests any more. */
  isYielding: boolean
  current: Waiting | undefined
  /** Whose slow request it runs, or keeps open. */
  owner: string | undefined
  /** Ends the wait for the moment at which others move on. */
  cancelSoft: (() => void) | undefined
  /** Keys whose transaction is open in it. */
  readonly pinned: Set<string>
  /** Those who end a transaction as soon as the running request is over. */
  readonly settling: (() => void)[]
  /** It may have to do that yet, before its next request. */
  hasSettled: boolean
  readonly queue: Waiting[]
  /** Why it is being killed. */
  ending: 'overdue' | 'evicted' | undefined
  /** When its request began, and when it had the last one. */
  startedMs: number
  usedMs: number
}

/** A host that is being started. */
export function newHost(id: number, process: HostProcess, nowMs: number): Host {
  return {
    id,
    process,
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
    startedMs: nowMs,
    usedMs: nowMs,
  }
}

/** Nothing runs in it, waits for it, or is kept open by it. */
export function isIdle({ current, queue, pinned }: Host): boolean {
  return current === undefined && queue.length === 0 && pinned.size === 0
}

/** Kills it. What ran is told why. */
export function killHost(host: Host, why: 'overdue' | 'evicted'): void {
  host.ending = why
  host.process.kill()
}

/** What is told of hosts. */
export function countsOf(hosts: ReadonlySet<Host>): { hosts: number; openStreams: number; stuck: number } {
  let openStreams = 0
  let stuck = 0
  for (const host of hosts) {
    openStreams += host.process.openCount()
    if (host.use === 'slow' && host.current !== undefined) stuck += 1
  }
  return { hosts: hosts.size, openStreams, stuck }
}
