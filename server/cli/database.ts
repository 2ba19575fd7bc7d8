import { readEnvironment } from '../kernel/env-file.ts'
import { silentLogger } from '../kernel/log.ts'
import type { Database } from '../kernel/storage/database.ts'
import { openDatabase } from '../kernel/storage/open.ts'
import { migrations } from '../pds/database/schema.ts'
import type { CommandConfiguration, CommandContext } from './command.ts'

/** What a command has that works on the database, also while a server runs on it. */
export interface DatabaseWork {
  readonly database: Database
  readonly configuration: CommandConfiguration
}

/** Opens the database that the settings name, works, and closes it. */
export async function withDatabase(
  context: CommandContext,
  config: string | undefined,
  work: (work: DatabaseWork) => Promise<void>,
): Promise<void> {
  const env = await readEnvironment(context.env, config)
  const configuration = context.readConfiguration(env)
  const { house } = configuration.values
  const { clock, random } = context
  const { dataDir, databaseUrl } = house
  const database = await openDatabase({
    dataDir,
    databaseUrl,
    s3: undefined,
    clock,
    random,
    log: silentLogger,
  })
  try {
    await database.migrate('pds', migrations)
    await work({ database, configuration })
  } finally {
    await database.close()
  }
}
