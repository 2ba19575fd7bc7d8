import type { Command } from 'commander'
import type { Environment } from '../kernel/config.ts'
import { readEnvironment } from '../kernel/env-file.ts'
import type { CommandContext } from './command.ts'

interface StartFlags {
  readonly config?: string
  readonly data?: string
  readonly port?: string
  readonly otel?: true
  readonly json?: true
}

/** `leaf start`: runs until it is stopped. */
export function addStart(program: Command, context: CommandContext): void {
  const command = program
    .command('start')
    .description(
      'Start Leaf. Without any configuration it starts in development mode, on http://localhost:3334.',
    )
    .option('-c, --config <file>', 'settings, one NAME=value a line (default: leaf.env, if it is there)')
    .option('-d, --data <folder>', 'where everything is kept (LEAF_DATA_DIR)')
    .option('-p, --port <port>', 'the port to serve on (PDS_PORT)')
    .option('--otel', 'send a trace of every request (LEAF_OTEL; where to: OTEL_EXPORTER_OTLP_ENDPOINT)')
    .option('--json', 'say what runs as one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  leaf start                                    try it out
  leaf start --config /etc/leaf.env             in production
  leaf start --port 4000 --data ./second        a second one beside the first
  leaf start --maxBatchSize=50                  a constant of the relay under its own name

Every constant of the relay and every flag of the streams server can be given as --name=value;
docs/generated/config.md lists them.`,
    )
  const variables = addSettingFlags(command, context.settingFlags)
  command.action(async (flags: StartFlags & Record<string, unknown>) => {
    const env = overrides(await readEnvironment(context.env, flags.config), flags, variables)
    const { terminal } = context
    const code = await context.serve(env, running => {
      if (flags.json === true) terminal.line(JSON.stringify(running))
      else for (const line of [...running.lines, running.address]) terminal.line(line)
    })
    context.exit(code)
  })
}

/** Adds a hidden flag for each name; gives the variables by the names that commander gives the flags. */
function addSettingFlags(command: Command, names: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  for (const [name, variable] of names) {
    const option = command.createOption(`--${name} <value>`, variable).hideHelp()
    command.addOption(option)
    variables.set(option.attributeName(), variable)
  }
  return variables
}

/** Flags win over the environment, which wins over the file. */
function overrides(
  env: Environment,
  flags: StartFlags & Record<string, unknown>,
  variables: ReadonlyMap<string, string>,
): Environment {
  const given = [...variables].flatMap(([name, variable]) => {
    const value = flags[name]
    return typeof value === 'string' ? [[variable, value] as const] : []
  })
  return {
    ...env,
    ...Object.fromEntries(given),
    ...(flags.data === undefined ? {} : { LEAF_DATA_DIR: flags.data }),
    ...(flags.port === undefined ? {} : { PDS_PORT: flags.port }),
    ...(flags.otel === undefined ? {} : { LEAF_OTEL: 'true' }),
  }
}
