/** What the process that makes the load is asked for, and what it gives back. */

/** Sends as fast as the relay takes them: each line sends when it has the answer to its last. */
export interface SendJob {
  readonly kind: 'send'
  readonly port: number
  /** One a sender; lines take turns. */
  readonly tokens: readonly string[]
  readonly recipients: readonly string[]
  readonly lines: number
  readonly blobBytes: number
  /** Messages of a call. */
  readonly batch: number
  readonly warmUpMs: number
  readonly measureMs: number
}

/** Calls of the measured time. */
export interface SendResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Parks one poll for each person. They stay until the process ends. */
export interface HoldJob {
  readonly kind: 'hold'
  readonly port: number
  readonly people: readonly { readonly key: string; readonly token: string }[]
}

/** Sends to people who are held, at a fixed rate; each is answered, and polls again, which acknowledges. */
export interface WakeJob {
  readonly kind: 'wake'
  readonly port: number
  readonly tokens: readonly string[]
  readonly blobBytes: number
  readonly perSecond: number
  readonly measureMs: number
}

export interface WakeResult {
  readonly count: number
  /** From when a send was due to the poll's answer. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** From when a send was due until the relay had answered the send. */
  readonly sendP99Ms: number
}

/** Fetches and acknowledges all that waits for these people. */
export interface FetchJob {
  readonly kind: 'fetch'
  readonly port: number
  readonly people: readonly { readonly key: string; readonly token: string }[]
  /** Messages that must come for all together. */
  readonly expected: number
}

export interface FetchResult {
  readonly perSecond: number
}

export type Job = SendJob | HoldJob | WakeJob | FetchJob
