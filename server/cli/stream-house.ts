/** What commands about streams work on: the database, also while Leaf runs; or the whole of the streams, while it does not. */
import { join } from 'node:path'
import { stayAwake } from '../kernel/awake.ts'
import { spawnChild } from '../kernel/child.ts'
import { createOperatorFetch } from '../kernel/fetch.ts'
import { diskFolders } from '../kernel/files.ts'
import { hostname } from '../kernel/machine.ts'
import { createPlcClient } from '../kernel/identity/plc-client.ts'
import { createSealer } from '../kernel/keys.ts'
import { silentLogger } from '../kernel/log.ts'
import { noMetrics } from '../kernel/metrics.ts'
import { openDataFolder } from '../kernel/storage/data-folder.ts'
import { nodeIdOf } from '../kernel/storage/node-id.ts'
import { engineSettings, hostLimits } from '../streams/engine-settings.ts'
import { createSqlHosts } from '../streams/host/hosts.ts'
import { createStreamsEngine, migrateStreams, type StreamsEngine } from '../streams/stream/engine.ts'
import { createHostSources } from '../streams/stream/sources.ts'
import type { CommandContext } from './command.ts'
import { type DatabaseWork, withDatabase } from './database.ts'
import { readEnvironment } from '../kernel/env-file.ts'

/** What every command about streams takes. */
export interface StreamFlags {
  readonly config?: string
  readonly json?: true
}

export interface StreamsWork extends DatabaseWork {
  /** Where hosts keep a folder for each stream. */
  readonly streamsFolder: string
}

/** Works on the tables of the streams. Leaf may run or not. */
export function withStreamTables(
  context: CommandContext,
  config: string | undefined,
  work: (work: StreamsWork) => Promise<void>,
): Promise<void> {
  return withDatabase(context, config, async given => {
    await migrateStreams(given.database)
    await work({ ...given, streamsFolder: join(given.configuration.values.house.dataDir, 'streams') })
  })
}

/**
 * Works on the streams with what runs their modules. The data folder is this command's as long as it works: throws
 * StartFault with a sentence when Leaf runs on it.
 */
export async function withStreams(
  context: CommandContext,
  config: string | undefined,
  work: (work: StreamsWork & { readonly engine: StreamsEngine }) => Promise<void>,
): Promise<void> {
  const configuration = context.readConfiguration(await readEnvironment(context.env, config))
  const folder = openDataFolder(configuration.values.house.dataDir)
  const sleep = stayAwake()
  try {
    await withStreamTables(context, config, async given => {
      const { hosts, engine } = openEngine(context, given)
      try {
        await work({ ...given, engine })
      } finally {
        await engine.stop()
        await hosts.close()
      }
    })
  } finally {
    sleep()
    folder.close()
  }
}

function openEngine(
  { clock, random }: CommandContext,
  { database, configuration, streamsFolder }: StreamsWork,
) {
  const { house, pds, streams } = configuration.values
  const publicUrl = house.publicUrl ?? `http://localhost:${house.port}`
  const common = { clock, log: silentLogger, metrics: noMetrics }
  const hosts = createSqlHosts({
    ...common,
    folder: streamsFolder,
    sources: createHostSources(database),
    limits: hostLimits(streams),
    spawn: spawnChild,
    folders: diskFolders,
  })
  const engine = createStreamsEngine({
    ...common,
    settings: engineSettings(streams, publicUrl),
    database,
    hosts,
    random,
    plc: createPlcClient({ url: () => house.plcDirectoryUrl ?? '', fetch: createOperatorFetch() }),
    sealer: createSealer(pds.keyEncryptionSecret, random),
    isMember: async () => false,
    ...(database.engine === 'sqlite'
      ? {}
      : { node: { id: nodeIdOf(house.dataDir, random), address: hostname() } }),
  })
  return { hosts, engine }
}
