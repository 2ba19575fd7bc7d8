/** What starts and stops, in order. */
import type { Clock } from './clock.ts'
import type { Route, UpgradeRoute } from './http/route.ts'
import type { Logger } from './log.ts'

/** What one system gives to the house. */
export interface System {
  /** `pds`, `streams`, `entities`, `skrepka`, `web`. */
  readonly name: string
  readonly routes: readonly Route[]
  readonly upgrades: readonly UpgradeRoute[]
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

/** An expected reason not to start, told to a person as a sentence without a stack. */
export class StartFault extends Error {
  override readonly name = 'StartFault'
}

/** Something that starts and stops with the house: the database, the HTTP server, a system. */
export interface Part {
  readonly name: string
  start?(): Promise<void>
  /** Called on every part before the first `stop`: takes on nothing new. Must not throw. */
  quiesce?(): void
  /** Must be done within `deadlineMs`; after that the next part is stopped anyway. */
  stop?(deadlineMs: number): Promise<void>
}

export interface Lifecycle {
  /** Parts are started in the order in which they are added, and stopped in reverse. */
  add(part: Part): void
  /** Starts everything; when one part fails, it and those before it are stopped, and its error is thrown. */
  start(): Promise<void>
  /** Stops what was started, within the deadline. May be called at any time and more than once; gives the names of parts that failed or took too long. */
  stop(): Promise<readonly string[]>
  /** From the moment `stop` is called. */
  stopping(): boolean
}

interface LifecycleOptions {
  readonly clock: Clock
  readonly log: Logger
  /** For the whole stop. */
  readonly deadlineMs: number
}

/** Starts parts in order, and stops them in reverse within one deadline. */
export function createLifecycle({ clock, log, deadlineMs }: LifecycleOptions): Lifecycle {
  const parts: Part[] = []
  const started: Part[] = []
  let stopped: Promise<readonly string[]> | undefined

  const stopAll = async (): Promise<readonly string[]> => {
    const endMs = clock.monotonic() + deadlineMs
    const failed: string[] = []
    for (const part of started) part.quiesce?.()
    for (const part of started.toReversed()) {
      const leftMs = Math.max(0, endMs - clock.monotonic())
      const problem = await stopPart(part, leftMs, clock)
      if (problem === undefined) continue
      log.error({ part: part.name, error: problem }, 'a part did not stop cleanly')
      failed.push(part.name)
    }
    return failed
  }
  const stop = () => (stopped ??= stopAll())

  return {
    add: part => void parts.push(part),
    start: async () => {
      for (const part of parts) {
        if (stopped !== undefined) throw new StartFault('stopped before everything had started')
        started.push(part)
        try {
          await part.start?.()
        } catch (error) {
          await stop()
          throw error
        }
      }
    },
    stop,
    stopping: () => stopped !== undefined,
  }
}

/** Undefined, or what went wrong. Never waits longer than `leftMs`. */
function stopPart(part: Part, leftMs: number, clock: Clock): Promise<unknown> {
  return new Promise(resolve => {
    const cancel = clock.after(leftMs, () => resolve(new Error(`${part.name} did not stop in time`)))
    Promise.resolve()
      .then(() => part.stop?.(leftMs))
      .then(
        () => resolve(undefined),
        error => resolve(error ?? new Error('failed without a reason')),
      )
      .finally(cancel)
  })
}
