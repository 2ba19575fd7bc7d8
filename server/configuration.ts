/** Every setting of the house, joined: what `compose.ts`, the command line and the generated reference read. */
import { type Config, type Environment, readConfig } from './kernel/config.ts'
import { checkHouseSettings, houseSettings } from './kernel/settings.ts'
import { entitiesSettings } from './entities/config.ts'
import { checkPdsSettings, pdsSettings } from './pds/config.ts'
import { referenceSettings } from './pds/reference-settings.ts'
import { skrepkaFlags, skrepkaSettings } from './skrepka/config.ts'
import { messengerSettings } from './skrepka/messenger/config.ts'
import { checkStreamsSettings, streamsFlags, streamsSettings } from './streams/config.ts'

/** All tables, by the system that each belongs to. */
export const settingTables = {
  house: houseSettings,
  pds: pdsSettings,
  streams: streamsSettings,
  entities: entitiesSettings,
  skrepka: skrepkaSettings,
  messenger: messengerSettings,
} as const

/** What `leaf start` takes as `--name=value`, with the variables that the names stand for. */
export const settingFlags: ReadonlyMap<string, string> = new Map([...skrepkaFlags, ...streamsFlags])

export type Configuration = Config<typeof settingTables>

/** Reads all settings. Throws ConfigError with every fault at once. */
export function readConfiguration(env: Environment): Configuration {
  return readConfig({
    tables: settingTables,
    env,
    foreignNames: referenceSettings,
    check: ({ house, pds, streams }, mode, faults) => {
      checkHouseSettings(house, mode, faults)
      checkPdsSettings(pds, faults)
      checkStreamsSettings(streams, mode, faults)
    },
  })
}
