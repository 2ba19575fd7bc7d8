import type { Migration, Tx } from './database.ts'

/** A transaction in which a migration runs: several statements in one text, without parameters. */
export interface MigrationTx extends Tx {
  exec(sql: string): Promise<void>
}

/** Runs `fn` in a durable transaction that no other node's migration overlaps. */
export type MigrationWrite = <T>(fn: (tx: MigrationTx) => Promise<T>) => Promise<T>

const createTable = `CREATE TABLE IF NOT EXISTS schema_version (
  system TEXT NOT NULL,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  applied_at BIGINT NOT NULL,
  PRIMARY KEY (system, version)
)`

/** What `migrate` of both engines does: one transaction a step, refusing a newer database and a changed history. */
export async function runMigrations(
  write: MigrationWrite,
  now: () => number,
  system: string,
  migrations: readonly Migration[],
): Promise<void> {
  for (const [index, { version }] of migrations.entries()) {
    if (version !== index + 1)
      throw new Error(`migration ${index + 1} of ${system} has the version ${version}`)
  }
  await write(tx => tx.exec(createTable))
  for (;;) {
    // The state is read again in each step's transaction: another node may be migrating at the same time.
    const done = await write(async tx => {
      const applied = await tx.all<AppliedRow>(
        'SELECT version, name FROM schema_version WHERE system = $1 ORDER BY version',
        [system],
      )
      checkHistory(system, applied, migrations)
      const next = migrations[applied.length]
      if (next === undefined) return true
      await tx.exec(next.sql)
      await tx.run('INSERT INTO schema_version (system, version, name, applied_at) VALUES ($1, $2, $3, $4)', [
        system,
        next.version,
        next.name,
        now(),
      ])
      return false
    })
    if (done) return
  }
}

interface AppliedRow {
  readonly version: number
  readonly name: string
}

function checkHistory(
  system: string,
  applied: readonly AppliedRow[],
  migrations: readonly Migration[],
): void {
  if (applied.length > migrations.length) {
    throw new Error(
      `the database is newer than this program: the tables of ${system} are at version ${applied.length}, ` +
        `this program knows them up to ${migrations.length}. start a newer Leaf, or restore a backup made before the update`,
    )
  }
  for (const [index, row] of applied.entries()) {
    const known = migrations[index]
    if (row.version !== index + 1 || known === undefined || known.name !== row.name) {
      throw new Error(
        `the tables of ${system} have another history: step ${index + 1} was applied as ` +
          `'${row.version} ${row.name}', this program has '${known?.version} ${known?.name}'`,
      )
    }
  }
}
