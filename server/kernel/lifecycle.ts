/** What starts and stops, in order. */

/** What one system gives to the house. */
export interface System {
  /** `pds`, `streams`, `entities`, `skrepka`, `web`. */
  readonly name: string
  readonly routes: readonly import('./http/route.ts').Route[]
  readonly upgrades: readonly import('./http/route.ts').UpgradeRoute[]
  /** Begins work in the background (sweepers, announcements). Called once the server listens. */
  start(): Promise<void>
  /** Closes sockets with a reason, ends background work, flushes. Must be done within `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>
  /** One line for the terminal and the home page: what runs, in plain words. */
  status(): Promise<SystemStatus>
}

export interface SystemStatus {
  readonly ok: boolean
  /** `3 accounts, 12 records; firehose at 42, 1 subscriber`. */
  readonly line: string
}
