/**
 * The storage port in memory, for virtual time: the real SQL runs on a real SQLite, and a commit takes the time that the
 * world gives it. A process that dies around a commit leaves behind what was committed, and hears nothing of it.
 */
import { createChannels } from '../../server/kernel/storage/channels.ts'
import type { Database, ReadTx, SqlValue } from '../../server/kernel/storage/database.ts'
import { migrationText, statementOf } from '../../server/kernel/storage/dialect.ts'
import { type MigrationTx, runMigrations } from '../../server/kernel/storage/migrate.ts'
import { type Outcome, outcomeOf } from '../../server/kernel/storage/outcome.ts'
import { openSqliteConnection, type SqliteConnection } from '../../server/kernel/storage/sqlite-connection.ts'
import { createSqliteScope } from '../../server/kernel/storage/sqlite-scope.ts'
import type { ProcessClock } from './loop.ts'

/** What outlives a process. */
export function openDisk(): SqliteConnection {
  return openSqliteConnection({ path: ':memory:', cacheBytes: 1 << 20, synchronous: 'OFF', readsOnly: false })
}

export interface SimDatabaseOptions {
  readonly disk: SqliteConnection
  readonly clock: ProcessClock
  /** How long the next commit takes. */
  readonly commitMs: () => number
  /** Asked at each commit: where the process dies, if it does. It is dead when this returns anything but `nowhere`. */
  readonly crash: () => 'nowhere' | 'before-commit' | 'after-commit'
  readonly isDead: () => boolean
  /** How many events the loop has run: a transaction must end in the one in which it began. */
  readonly turn: () => number
}

interface Job {
  readonly fn: (tx: MigrationTx) => Promise<unknown>
  readonly settle: (outcome: Outcome) => void
}

/** Transactions that share a commit. */
const groupJobsMax = 256

const statements = {
  begin: statementOf('BEGIN IMMEDIATE'),
  commit: statementOf('COMMIT'),
  savepoint: statementOf('SAVEPOINT job'),
  release: statementOf('RELEASE job'),
  rollbackTo: statementOf('ROLLBACK TO job'),
}

/** One process's database on `disk`. */
export function createSimDatabase(options: SimDatabaseOptions): Database {
  const { disk, clock, isDead, turn } = options
  const channels = createChannels(undefined)
  let waiting: Job[] = []
  let armed = false
  let busy: Promise<void> | undefined

  const idle = async (): Promise<void> => {
    const running = busy
    if (running === undefined) return
    await running
    await idle()
  }
  const never = <T>() => new Promise<T>(() => undefined)
  const arm = () => {
    if (armed || waiting.length === 0) return
    armed = true
    clock.after(options.commitMs(), () => {
      armed = false
      const jobs = waiting.splice(0, groupJobsMax)
      busy = runGroup(jobs).finally(() => {
        busy = undefined
        arm()
      })
    })
  }
  const runGroup = async (jobs: readonly Job[]): Promise<void> => {
    const begunAt = turn()
    const notified = new Set<string>()
    disk.run(statements.begin, [])
    const outcomes: Outcome[] = []
    for (const job of jobs) outcomes.push(await runJob(disk, job, notified))
    if (turn() !== begunAt) throw new Error('a transaction awaited something other than its tx')
    const crash = options.crash()
    if (crash === 'before-commit') return disk.exec('ROLLBACK')
    disk.run(statements.commit, [])
    if (crash === 'after-commit') return
    for (const [index, outcome] of outcomes.entries()) jobs[index]?.settle(outcome)
    channels.wake(notified)
  }
  const write = <T>(fn: (tx: MigrationTx) => Promise<T>): Promise<T> => {
    if (isDead()) return never()
    return new Promise<T>((resolve, reject) => {
      // What comes out is what `fn` gave: the queue holds transactions of every type.
      const settle = (outcome: Outcome) => (outcome.ok ? resolve(outcome.value as T) : reject(outcome.error))
      waiting.push({ fn, settle })
      arm()
    })
  }
  const read = async <T>(fn: (tx: ReadTx) => Promise<T>): Promise<T> => {
    await idle()
    if (isDead()) return never()
    const begunAt = turn()
    const scope = createSqliteScope(disk, () => {
      throw new Error('a read must not write')
    })
    const value = await fn(scope.tx)
    scope.end()
    if (turn() !== begunAt) throw new Error('a read awaited something other than its tx')
    return isDead() ? never() : value
  }
  const direct: ReadTx = {
    all: <Row>(sql: string, params: readonly SqlValue[] = []) => read(tx => tx.all<Row>(sql, params)),
    get: <Row>(sql: string, params: readonly SqlValue[] = []) => read(tx => tx.get<Row>(sql, params)),
  }

  return {
    engine: 'sqlite',
    read,
    direct,
    write,
    listen: channels.listen,
    migrate: (system, migrations) => {
      const translated = migrations.map(step => ({ ...step, sql: migrationText('sqlite', step.sql) }))
      return runMigrations(write, () => clock.now(), system, translated)
    },
    check: async () => undefined,
    readOnly: () => undefined,
    close: async () => idle(),
  }
}

async function runJob(disk: SqliteConnection, job: Job, notified: Set<string>): Promise<Outcome> {
  let saved = false
  const scope = createSqliteScope(disk, () => {
    if (!saved) disk.run(statements.savepoint, [])
    saved = true
  })
  const told = await outcomeOf(() => job.fn(scope.tx))
  scope.end()
  const failure = scope.failure()
  const outcome: Outcome = told.ok && failure !== undefined ? { ok: false, error: failure } : told
  if (saved) {
    if (!outcome.ok) disk.run(statements.rollbackTo, [])
    disk.run(statements.release, [])
  }
  if (outcome.ok) for (const channel of scope.channels) notified.add(channel)
  return outcome
}
