/** What waits for a host, and what may be said of it at the end. */
import { ownMsMax } from './limits.ts'
import type { HostReply } from './protocol.ts'

/** Where it runs: among quick requests, beside them, or where builds are. */
export type Lane = 'quick' | 'slow' | 'build'

export interface Job {
  /** The target's key: a job of a target runs where it is open, if it can. */
  readonly key: string
  readonly owner: string
  readonly lane: Lane
  /** What is tried apart from others, until it was quick once; undefined: nothing. */
  readonly what: string | undefined
  /** Whether it is that itself, not something that comes first. */
  readonly proves: boolean
  /** For metrics. */
  readonly op: string
  /** Past this others need not wait for it. Undefined: it is ours, and short. */
  readonly softMs: number | undefined
  readonly deadlineMs: number
  /** The request, for a host where the target has this epoch. */
  readonly encode: (epoch: number) => Uint8Array
  /** Whether this reply leaves a transaction open. */
  readonly pins?: (reply: HostReply) => boolean
}

/** It ran longer than it may, and its host was killed. */
export class Overdue extends Error {
  override readonly name = 'Overdue'
  readonly deadlineMs: number

  constructor(deadlineMs: number) {
    super(`ran longer than ${deadlineMs} ms`)
    this.deadlineMs = deadlineMs
  }
}

/** Its host ended by itself: out of memory, as a rule. */
export class Crashed extends Error {
  override readonly name = 'Crashed'
}

/** A job that waits or runs. */
export interface Waiting extends Job {
  readonly resolve: (reply: HostReply) => void
  readonly reject: (error: Error) => void
  /** When it was first given to a host; its time runs from then. */
  firstMs: number | undefined
  /** Its host ended under it: by its fault, or because somebody ended the process. Two for a run of some length. */
  losses: number
  /** It makes sense on one host only, and is done when that ends. */
  readonly isBound: boolean
  /** Ends its wait for a turn. */
  cancelWait: (() => void) | undefined
}

/** A short request of ours to one host. `end` is called when it was done, or cannot be any more. */
export function boundJob(key: string, frame: Uint8Array, end: () => void): Waiting {
  return {
    key,
    owner: '',
    lane: 'quick',
    op: 'close',
    what: undefined,
    proves: false,
    softMs: undefined,
    deadlineMs: ownMsMax,
    encode: () => frame,
    resolve: end,
    reject: end,
    isBound: true,
    losses: 0,
    firstMs: undefined,
    cancelWait: undefined,
  }
}
