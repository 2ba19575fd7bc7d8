import type { Clock } from '../clock.ts'
import { Corruption, Refusal } from '../errors.ts'
import { statementOf } from './dialect.ts'
import type { DiskGuard } from './disk-guard.ts'
import { readOnlyRefusal } from './disk-guard.ts'
import type { MigrationTx } from './migrate.ts'
import type { Outcome } from './outcome.ts'
import { type SqliteConnection, sqliteResultCode } from './sqlite-connection.ts'
import { createSqliteScope, createTurnWatch } from './sqlite-scope.ts'

/** The one writer: transactions that wait are run one after another and made durable together. */
export interface SqliteWriter {
  write<T>(fn: (tx: MigrationTx) => Promise<T>): Promise<T>
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>
}

export interface SqliteWriterOptions {
  readonly connection: SqliteConnection
  readonly clock: Clock
  readonly guard: DiskGuard
  /** After a group is durable: the channels that its transactions notified. */
  readonly wake: (channels: ReadonlySet<string>) => void
}

/** Transactions that one fsync serves at most. */
const groupJobsMax = 256

/** Time after which a group takes no further transaction: requests wait for as long as the loop does. */
const groupMsMax = 10

/** Transactions that may wait; beyond it a write is refused. */
const waitingMax = 10_000

interface Job {
  readonly fn: (tx: MigrationTx) => Promise<unknown>
  readonly settle: (outcome: Outcome) => void
}

/**
 * Group commit. A group runs in one turn of the event loop, with a turn between two groups in which requests are read:
 * whoever asks during a group's fsync is part of the next. A lone writer waits for nobody.
 */
export function createSqliteWriter(options: SqliteWriterOptions): SqliteWriter {
  const { connection, clock, guard, wake } = options
  let waiting: Job[] = []
  let running = false
  let whenIdle: (() => void)[] = []
  const runJob = createJobRunner(connection)

  const runGroup = async (): Promise<void> => {
    const startedMs = clock.monotonic()
    const settled: { readonly job: Job; readonly outcome: Outcome }[] = []
    const channels = new Set<string>()
    const jobs = waiting
    let next = 0
    try {
      connection.run(begin, [])
      while (next < jobs.length && next < groupJobsMax && clock.monotonic() - startedMs < groupMsMax) {
        const job = jobs[next]
        if (job === undefined) break
        next += 1
        const { outcome, notified } = await runJob(job.fn)
        settled.push({ job, outcome })
        for (const channel of notified) channels.add(channel)
      }
      connection.run(commit, [])
    } catch (error) {
      if (connection.isTransaction()) connection.exec('ROLLBACK')
      const told = toldFailure(error)
      // A disk that took none of these takes none of those that wait, either.
      const failed = guard.reason() === undefined && next > 0 ? next : jobs.length
      waiting = jobs.slice(failed)
      for (const job of jobs.slice(0, failed)) job.settle({ ok: false, error: told })
      return
    }
    waiting = jobs.slice(next)
    for (const { job, outcome } of settled) job.settle(outcome)
    if (channels.size > 0) wake(channels)
  }

  const toldFailure = (error: unknown): unknown => {
    const code = sqliteResultCode(error)
    if (code === resultBusy) {
      return new Refusal('unavailable', 'another process holds the database', {
        retryAfterMs: 1000,
        cause: error,
      })
    }
    const reason = diskReason(code)
    if (reason === undefined) return error
    guard.trip(reason)
    return readOnlyRefusal(reason, error)
  }

  const turn = async (): Promise<void> => {
    await runGroup()
    if (waiting.length > 0) {
      setImmediate(turn)
      return
    }
    running = false
    const idle = whenIdle
    whenIdle = []
    for (const resolve of idle) resolve()
  }

  return {
    write: <T>(fn: (tx: MigrationTx) => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        guard.check()
        if (waiting.length >= waitingMax) {
          throw new Refusal('unavailable', 'too many writes are waiting', { retryAfterMs: 1000 })
        }
        const settle = (outcome: Outcome) =>
          outcome.ok ? resolve(outcome.value as T) : reject(outcome.error)
        waiting.push({ fn, settle })
        if (running) return
        running = true
        setImmediate(turn)
      }),
    idle: () => (running ? new Promise<void>(resolve => whenIdle.push(resolve)) : Promise.resolve()),
  }
}

const begin = statementOf('BEGIN IMMEDIATE')
const commit = statementOf('COMMIT')
const savepoint = statementOf('SAVEPOINT job')
const release = statementOf('RELEASE job')
const rollbackTo = statementOf('ROLLBACK TO job')

interface JobResult {
  readonly outcome: Outcome
  readonly notified: Iterable<string>
}

/**
 * Runs one transaction of a group behind a savepoint, which is made when it is first going to change something. Throws
 * only what ends the whole group.
 */
function createJobRunner(connection: SqliteConnection): (fn: Job['fn']) => Promise<JobResult> {
  const watch = createTurnWatch()
  return async fn => {
    let saved = false
    const scope = createSqliteScope(connection, () => {
      if (saved) return
      connection.run(savepoint, [])
      saved = true
    })
    const outcome = await watch.run(scope, () => fn(scope.tx))
    if (!connection.isTransaction() || endsGroup(scope.failure())) throw scope.failure() ?? endedBySql
    if (outcome.ok) {
      if (saved) connection.run(release, [])
      return { outcome, notified: scope.channels }
    }
    if (saved) {
      connection.run(rollbackTo, [])
      connection.run(release, [])
    }
    return { outcome, notified: [] }
  }
}

const endedBySql = new Error('the transaction of the group ended by itself')

const resultBusy = 5
const resultIoError = 10
const resultFull = 13

function endsGroup(failure: unknown): boolean {
  return failure instanceof Corruption || diskReason(sqliteResultCode(failure)) !== undefined
}

function diskReason(code: number | undefined): string | undefined {
  if (code === resultFull) return 'the disk is full'
  if (code === resultIoError) return 'the disk of the database fails'
  return undefined
}
