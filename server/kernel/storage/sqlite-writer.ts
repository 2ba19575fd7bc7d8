import type { Clock } from '../clock.ts'
import { Corruption, Refusal } from '../errors.ts'
import { statementOf } from './dialect.ts'
import type { DiskGuard } from './disk-guard.ts'
import { readOnlyRefusal } from './disk-guard.ts'
import type { Outcome } from './outcome.ts'
import { type SqliteConnection, sqliteResultCode } from './sqlite-connection.ts'
import { createSqliteScope, createTurnWatch } from './sqlite-scope.ts'
import type { WriteJob } from './write-queue.ts'

/** What the one writer of the database works with. */
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

/**
 * Group commit: gives what runs a group of a `WriteQueue`. All of a group happens in one turn of the event loop, its
 * fsync included; whoever asks meanwhile is part of the next.
 */
export function createSqliteGroup(
  options: SqliteWriterOptions,
): (jobs: readonly WriteJob[]) => Promise<number> {
  const { connection, clock, guard, wake } = options
  const runJob = createJobRunner(connection)

  return async jobs => {
    const startedMs = clock.monotonic()
    const outcomes: Outcome[] = []
    const channels = new Set<string>()
    let begun = 0
    try {
      connection.run(begin, [])
      while (begun < groupJobsMax && clock.monotonic() - startedMs < groupMsMax) {
        const job = jobs[begun]
        if (job === undefined) break
        begun += 1
        const { outcome, notified } = await runJob(job.fn)
        outcomes.push(outcome)
        for (const channel of notified) channels.add(channel)
      }
      connection.run(commit, [])
    } catch (error) {
      if (connection.isTransaction()) connection.exec('ROLLBACK')
      const told = toldFailure(error, guard)
      // A disk that took none of these takes none of those that wait, either.
      const failed = guard.reason() === undefined && begun > 0 ? begun : jobs.length
      for (const job of jobs.slice(0, failed)) job.settle({ ok: false, error: told })
      return failed
    }
    for (const [index, outcome] of outcomes.entries()) jobs[index]?.settle(outcome)
    if (channels.size > 0) wake(channels)
    return begun
  }
}

/** What the writers of a group that failed are told; trips the guard when the disk was the reason. */
function toldFailure(error: unknown, guard: DiskGuard): unknown {
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
function createJobRunner(connection: SqliteConnection): (fn: WriteJob['fn']) => Promise<JobResult> {
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
