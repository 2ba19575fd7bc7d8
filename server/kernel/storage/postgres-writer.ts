import { Refusal } from '../errors.ts'
import type { Outcome } from './outcome.ts'
import {
  type PostgresClient,
  isConnectionLoss,
  isContention,
  lockNumber,
  postgresQuery,
  readOnlyReason,
  toldPostgresError,
} from './postgres-client.ts'
import { runScope } from './postgres-scope.ts'
import type { WriteJob } from './write-queue.ts'

/** What the one writer of this node works with. */
export interface PostgresWriterOptions {
  /** The writer's connection; opens it (again) when there is none. */
  readonly connect: () => Promise<PostgresClient>
  /** Ends a connection of which nobody knows any more what it is in the middle of. */
  readonly discard: (client: PostgresClient) => void
  /** After a group is durable: the channels that its transactions notified. */
  readonly wake: (channels: ReadonlySet<string>) => void
  /** What came of each group: undefined when it was committed, else why not. */
  readonly noted: (error: unknown) => void
}

/** The name under which the server passes on our notifications; their payload is the channel. */
export const postgresChannel = 'leaf'

/** Transactions of one group; below the 64 subtransactions that the server keeps at hand. */
const groupJobsMax = 50

/** How often a group, then each of its transactions alone, is tried when others are in the way. */
const attemptsMax = 5

/** Group commit over one connection: gives what runs a group of a `WriteQueue`. What comes meanwhile is the next group. */
export function createPostgresGroup(
  options: PostgresWriterOptions,
): (jobs: readonly WriteJob[]) => Promise<number> {
  return async waiting => {
    const jobs = waiting.slice(0, groupJobsMax)
    await runPersistently(options, jobs)
    return jobs.length
  }
}

/** Tries a group until it is committed; when others stay in its way, its transactions one by one. */
async function runPersistently(options: PostgresWriterOptions, jobs: readonly WriteJob[]): Promise<void> {
  let error: unknown
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    try {
      await runGroup(options, jobs)
      options.noted(undefined)
      return
    } catch (failure) {
      error = failure
      if (!isContention(failure) && !(failure instanceof LostBeforeCommit)) break
    }
  }
  if (isContention(error) && jobs.length > 1) {
    for (const job of jobs) await runPersistently(options, [job])
    return
  }
  const cause = error instanceof LostBeforeCommit ? error.cause : error
  options.noted(cause)
  for (const job of jobs) job.settle({ ok: false, error: toldPostgresError(cause) })
}

/** The connection was lost when nothing could have been committed. */
class LostBeforeCommit extends Error {
  override readonly name = 'LostBeforeCommit'
}

/**
 * One transaction for all of `jobs`. Locks are the session's and taken before it begins, because its snapshot must be
 * of the time when it has them; they are given back with the same message that commits.
 */
async function runGroup(options: PostgresWriterOptions, jobs: readonly WriteJob[]): Promise<void> {
  const client = await connected(options)
  const flight = createFlight(client)
  const channels = new Set<string>()
  const settled: { readonly job: WriteJob; readonly outcome: Outcome }[] = []
  let committing = false
  try {
    const locks = lockOrder(jobs)
    for (const lock of locks) flight.send(`SELECT pg_advisory_lock(${lockNumber(lock)})`)
    flight.send('BEGIN ISOLATION LEVEL REPEATABLE READ')
    // Nothing of a transaction runs before it has what it asked to have for itself; without locks there is nothing to wait for.
    if (locks.length > 0) await flight.check()
    for (const job of jobs) {
      const { outcome, notified } = await runJob(client, flight, job.fn)
      settled.push({ job, outcome })
      for (const channel of notified) channels.add(channel)
    }
    for (const channel of channels) flight.watch(postgresQuery(client, notifySql, [postgresChannel, channel]))
    committing = true
    const commit = client.query('COMMIT')
    flight.send('SELECT pg_advisory_unlock_all()')
    const { command } = await commit
    await flight.check()
    if (command !== 'COMMIT') throw new Error(`the database answered a commit with ${command}`)
  } catch (error) {
    const lost = isConnectionLoss(error) || isConnectionLoss(flight.failure())
    if (lost) options.discard(client)
    else await undo(options, client)
    if (lost && !committing) throw new LostBeforeCommit('the connection was lost', { cause: error })
    throw flight.failure() ?? error
  }
  for (const { job, outcome } of settled) job.settle(outcome)
  options.wake(channels)
}

const notifySql = 'SELECT pg_notify($1, $2)'

async function connected(options: PostgresWriterOptions): Promise<PostgresClient> {
  try {
    return await options.connect()
  } catch (error) {
    throw new Refusal('unavailable', 'the database cannot be reached', { retryAfterMs: 1000, cause: error })
  }
}

async function undo(options: PostgresWriterOptions, client: PostgresClient): Promise<void> {
  try {
    await Promise.all([client.query('ROLLBACK'), client.query('SELECT pg_advisory_unlock_all()')])
  } catch {
    // A connection that cannot even roll back is of no use; ending it does the same on the server.
    options.discard(client)
  }
}

/** Runs one transaction of a group behind a savepoint. Throws only what ends the whole group. */
async function runJob(
  client: PostgresClient,
  flight: Flight,
  fn: WriteJob['fn'],
): Promise<{ readonly outcome: Outcome; readonly notified: Iterable<string> }> {
  let saved = false
  const save = () => {
    saved = true
    flight.send('SAVEPOINT job')
  }
  const { outcome, scope } = await runScope(client, save, fn)
  const failure = scope.failure()
  if (isContention(failure) || isConnectionLoss(failure) || readOnlyReason(failure) !== undefined)
    throw failure
  // Its answer was before those of the statements: whether the locks and the savepoint are had is known by now.
  await flight.check()
  if (saved)
    flight.send(outcome.ok ? 'RELEASE SAVEPOINT job' : 'ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job')
  return { outcome, notified: outcome.ok ? scope.channels : [] }
}

/** Statements that are sent without waiting for their answers. */
interface Flight {
  send(sql: string): void
  watch(answer: Promise<unknown>): void
  /** The first that failed, as far as is known. */
  failure(): unknown
  /** Waits for all answers; throws the first failure. */
  check(): Promise<void>
}

function createFlight(client: PostgresClient): Flight {
  let failed: { readonly cause: unknown } | undefined
  let last: Promise<void> = Promise.resolve()
  const note = async (answer: Promise<unknown>): Promise<void> => {
    try {
      await answer
    } catch (error) {
      failed ??= { cause: error }
    }
  }
  const watch = (answer: Promise<unknown>) => {
    last = note(answer)
  }
  return {
    send: sql => watch(client.query(sql)),
    watch,
    failure: () => failed?.cause,
    check: async () => {
      await last
      if (failed !== undefined) throw failed.cause
    },
  }
}

/** Every lock of a group once: lexical, with `sequence` last, so that two groups never wait for each other. */
function lockOrder(jobs: readonly WriteJob[]): string[] {
  const locks = new Set(jobs.flatMap(job => [...job.locks]))
  const last = locks.delete('sequence') ? ['sequence'] : []
  return [...[...locks].toSorted((a, b) => (a < b ? -1 : 1)), ...last]
}
