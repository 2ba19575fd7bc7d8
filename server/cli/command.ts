import type { Clock } from '../kernel/clock.ts'
import type { ConfigFault, Environment, Mode, SettingTables } from '../kernel/config.ts'
import type { Random } from '../kernel/random.ts'
import type { HouseSettings } from '../kernel/settings.ts'
import type { Terminal } from '../kernel/terminal.ts'
import type { PdsSettings } from '../pds/config.ts'
import type { StreamsSettings } from '../streams/config.ts'

/** What is told once the house runs. */
export interface Running {
  readonly address: string
  readonly lines: readonly string[]
}

/** All settings, as commands need them. */
export interface CommandConfiguration {
  readonly mode: Mode
  readonly values: {
    readonly house: HouseSettings
    readonly pds: PdsSettings
    readonly streams: StreamsSettings
  }
  readonly notes: readonly ConfigFault[]
}

/** What every command is given. */
export interface CommandContext {
  readonly env: Environment
  readonly terminal: Terminal
  readonly clock: Clock
  readonly random: Random
  readonly version: string
  /** Every setting there is. */
  readonly tables: SettingTables
  /** Flags of `leaf start` that stand for a setting, each with its variable. */
  readonly settingFlags: ReadonlyMap<string, string>
  /** Reads all settings; throws ConfigError with every fault. */
  readonly readConfiguration: (env: Environment) => CommandConfiguration
  /** Runs Leaf with an environment until it is stopped; gives the exit code. */
  readonly serve: (env: Environment, started: (running: Running) => void) => Promise<number>
  /** Sets the exit code of the command line. */
  readonly exit: (code: number) => void
}
