import type { Command } from 'commander'
import type { Environment } from '../kernel/config.ts'
import type { CommandContext } from './command.ts'

/** Upstream's flags, each with the variable that it stands for. */
const flags: readonly (readonly [flag: string, variable: string, what: string])[] = [
  ['-l, --listen-address <address>', 'LISTEN_ADDRESS', 'where streams listen (127.0.0.1:5530)'],
  ['-D, --did <did>', 'DID', 'the DID of this server for streams'],
  ['-e, --endpoint <url>', 'ENDPOINT', 'the address under which the world reaches this server'],
  ['--unsafe-auth-token <token>', 'UNSAFE_AUTH_TOKEN', 'whoever has it is the server itself'],
  ['--throttle-window-secs <seconds>', 'THROTTLE_WINDOW_SECS', 'the window of the two limits below'],
  ['--stream-create-limit-per-window <n>', 'STREAM_CREATE_LIMIT_PER_WINDOW', 'streams created in it'],
  ['--stream-subscribe-limit-per-window <n>', 'STREAM_SUBSCRIBE_LIMIT_PER_WINDOW', 'subscriptions in it'],
  [
    '--max-active-subscriptions-per-actor <n>',
    'MAX_ACTIVE_SUBSCRIPTIONS_PER_ACTOR',
    'subscriptions at the same time',
  ],
  ['--s3-host <url>', 'S3_HOST', 'an S3-compatible store for blobs'],
  ['--s3-bucket <name>', 'S3_BUCKET', 'its bucket'],
  ['--s3-region <region>', 'S3_REGION', 'its region'],
  ['--s3-access-key <id>', 'S3_ACCESS_KEY', 'the id of a key for it'],
  ['--s3-secret-key <secret>', 'S3_SECRET_KEY', 'the secret of that key'],
]

/** Those that upstream takes before the word `server`; here they may stand on either side. */
const globalFlags: readonly (readonly [flag: string, variable: string, what: string])[] = [
  ['-d, --data-dir <folder>', 'DATA_DIR', 'where everything is kept'],
  ['--plc-directory <url>', 'PLC_DIRECTORY', 'the directory of did:plc'],
  ['--module-admins <dids>', 'MODULE_ADMINS', 'who may change every module'],
  ['--otel', 'OTEL', 'send traces'],
]

const listenDefault = '127.0.0.1:5530'

/** `leaf server`: starts Leaf with the flags of the Leaf Framework's server. */
export function addServer(program: Command, context: CommandContext): void {
  const command = program
    .command('server')
    .description(
      'Start Leaf with the flags of the Leaf Framework’s server; streams listen on port 5530 as well.',
    )
  const variables = new Map<string, string>()
  const add = (to: Command, list: typeof flags, hidden: boolean) => {
    for (const [flag, variable, what] of list) {
      const option = to.createOption(flag, `${what} (${variable})`)
      if (hidden) option.hideHelp()
      to.addOption(option)
      variables.set(option.attributeName(), variable)
    }
  }
  add(program, globalFlags, true)
  add(command, [...flags, ...globalFlags], false)
  command
    .addHelpText(
      'after',
      '\nExamples:\n  leaf --otel server -D did:web:localhost\n  leaf server --unsafe-auth-token token123',
    )
    .action(async () => {
      const env: Record<string, string | undefined> = { LISTEN_ADDRESS: listenDefault, ...context.env }
      for (const [name, value] of Object.entries(command.optsWithGlobals())) {
        const variable = variables.get(name)
        if (variable !== undefined) env[variable] = value === true ? 'true' : String(value)
      }
      const code = await context.serve(env satisfies Environment, ({ lines, address }) => {
        for (const line of [...lines, address]) context.terminal.line(line)
      })
      context.exit(code)
    })
}
