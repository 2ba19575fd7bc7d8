/** Scripts of a module on one connection: each statement is prepared once, when it is first reached. */
import type { StatementSync } from 'node:sqlite'
import type { Connection } from './connection.ts'
import type { Role } from './policy.ts'
import type { SqlStatement } from './splitter.ts'

/** SQLite's policy hears of these too late or, for VACUUM, only of what it does to other files. */
const forbiddenVerbs = new Set([
  'vacuum',
  'attach',
  'detach',
  'pragma',
  'analyze',
  'begin',
  'commit',
  'end',
  'rollback',
  'savepoint',
  'release',
])

/** A stranger's statement, prepared. Throws what SQLite throws. */
export function prepareStatement({ database }: Connection, { sql, verb }: SqlStatement): StatementSync {
  if (forbiddenVerbs.has(verb)) throw new Error('not authorized')
  return database.prepare(sql)
}

/**
 * Frees a statement of an error. The iterator of node:sqlite keeps the error of a reading that failed, and throws it,
 * without its text, when the statement is read the next time: on behalf of somebody who did nothing wrong.
 */
export function settle(statement: StatementSync): void {
  try {
    statement.iterate()
  } catch {
    // Thrown once, and gone with that.
  }
}

export interface Script {
  /** Runs the whole script; throws what SQLite or a function throws. Leaves the connection in the script's role. */
  run(): void
  /** Whether every statement was prepared, so that the policy has seen all of them. */
  isPrepared(): boolean
}

/** A script that runs as `role`. Nothing is prepared yet: a statement may need a table that one before it makes. */
export function createScript(
  connection: Connection,
  role: Role,
  statements: readonly SqlStatement[],
): Script {
  const runners: (() => void)[] = []
  const prepare = (statement: SqlStatement): (() => void) => {
    const runner = runnerOf(prepareStatement(connection, statement), statement)
    runners.push(runner)
    return runner
  }
  return {
    run: () => {
      connection.role = role
      for (let index = 0; index < statements.length; index += 1) {
        const statement = statements[index]
        const run = runners[index] ?? (statement === undefined ? undefined : prepare(statement))
        run?.()
      }
    },
    isPrepared: () => runners.length === statements.length,
  }
}

/** Runs a statement to its end: a guard may say no at any row. */
export function runnerOf(prepared: StatementSync, statement: SqlStatement): () => void {
  if (prepared.columns().length === 0) return () => void prepared.run()
  prepared.setReturnArrays(true)
  prepared.setReadBigInts(true)
  const stepAll = () => {
    try {
      for (const row of prepared.iterate()) void row
    } catch (error) {
      settle(prepared)
      throw error
    }
  }
  if (statement.verb !== 'select' && statement.verb !== 'values') return stepAll
  // Most guards have no row, which `get` finds ten times as quickly; reading again from the start changes nothing.
  return () => {
    if (prepared.get() !== undefined) stepAll()
  }
}
