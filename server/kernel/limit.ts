/** Rate limits: so many points in a window, for a key. In memory or in Redis, with one behaviour. */
export interface LimitRule {
  /** Names the counter; rules of one name share it. `[a-z0-9-]+` */
  readonly name: string
  readonly points: number
  readonly windowMs: number
}

export interface LimitState {
  readonly rule: LimitRule
  readonly remaining: number
  /** Until the window ends. Milliseconds. */
  readonly resetMs: number
  readonly exceeded: boolean
}

export interface Limiter {
  /** Takes `points` (default 1) for `key` and says how things stand. Fixed windows that begin with the first point. */
  consume(rule: LimitRule, key: string, points?: number): Promise<LimitState>
  /** Gives points back; used when what was paid for did not happen. */
  restore(rule: LimitRule, key: string, points: number): Promise<void>
  close(): Promise<void>
}
