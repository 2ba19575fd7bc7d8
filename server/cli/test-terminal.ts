import { readConfiguration, settingFlags, settingTables } from '../configuration.ts'
import { systemClock } from '../kernel/clock.ts'
import type { Environment } from '../kernel/config.ts'
import { systemRandom } from '../kernel/random.ts'
import type { Running } from './command.ts'
import { runCommandLine } from './main.ts'

export interface CommandRun {
  readonly code: number
  readonly out: string
  readonly errors: string
  /** The environments that were served. */
  readonly served: readonly Environment[]
}

interface RunSettings {
  readonly env?: Environment
  /** What the person at the terminal answers; absent: nobody is there. */
  readonly answers?: readonly string[]
  readonly running?: Running
}

/** Runs a command line against a terminal of lines. */
export async function runLeaf(argv: readonly string[], settings: RunSettings = {}): Promise<CommandRun> {
  const out: string[] = []
  const errors: string[] = []
  const served: Environment[] = []
  const answers = [...(settings.answers ?? [])]
  const code = await runCommandLine({
    argv,
    env: settings.env ?? {},
    terminal: {
      line: text => void out.push(text),
      error: text => void errors.push(text),
      interactive: settings.answers !== undefined,
      colour: false,
      ask: async question => {
        out.push(question)
        return answers.shift() ?? ''
      },
    },
    clock: systemClock,
    random: systemRandom,
    version: '1.2.3',
    tables: settingTables,
    settingFlags,
    readConfiguration,
    serve: async (env, started) => {
      served.push(env)
      started(settings.running ?? { address: 'http://localhost:3334', lines: ['pds: 0 accounts'] })
      return 0
    },
  })
  return { code, out: out.join('\n'), errors: errors.join('\n'), served }
}
