import type { Command } from 'commander'
import { httpUrl } from '../kernel/config.ts'
import { defaultEnvFile, writeNewSecretFile } from '../kernel/env-file.ts'
import { StartFault } from '../kernel/lifecycle.ts'
import type { CommandContext } from './command.ts'

interface InitFlags {
  readonly publicUrl?: string
  readonly handleDomain?: string
  readonly data: string
  readonly output: string
  readonly json?: true
}

/** `leaf init`: writes a configuration for production, with secrets that were made for it. */
export function addInit(program: Command, context: CommandContext): void {
  program
    .command('init')
    .description('Write a configuration for a server that others can reach, with freshly made secrets.')
    .option('--public-url <url>', 'where the world reaches this server, https://…')
    .option(
      '--handle-domain <domain>',
      'people get handles under it: alice.<domain> (default: the name in the address)',
    )
    .option('--data <folder>', 'where everything is kept', './data')
    .option('-o, --output <file>', 'the file to write; an existing one is never overwritten', defaultEnvFile)
    .option('--json', 'say what was done as JSON')
    .addHelpText(
      'after',
      `
Examples:
  leaf init                                            asks what it needs to know
  leaf init --public-url https://leaf.example.org      asks nothing
  leaf start                                           reads ${defaultEnvFile} in this folder`,
    )
    .action(async (flags: InitFlags) => {
      const { terminal } = context
      const publicUrl = await askUrl(flags.publicUrl, context)
      const handleDomain = await askDomain(flags.handleDomain, new URL(publicUrl).hostname, context)
      const wish = { publicUrl, handleDomain, data: flags.data }
      await writeNewSecretFile(flags.output, configurationText(wish, context))
      if (flags.json === true) terminal.line(JSON.stringify({ file: flags.output, publicUrl, handleDomain }))
      else for (const line of nextSteps(flags.output, wish)) terminal.line(line)
    })
}

async function askUrl(given: string | undefined, { terminal }: CommandContext): Promise<string> {
  if (given === undefined && !terminal.interactive) {
    throw new StartFault(
      'nobody is there to be asked: say where the world reaches this server, leaf init --public-url https://…',
    )
  }
  const answer = given ?? (await terminal.ask('Where will the world reach this server? (https://…) '))
  const url = URL.parse(httpUrl(answer.includes('://') ? answer : `https://${answer}`))
  if (url === null || url.protocol !== 'https:')
    throw new StartFault(`expected an https address, got "${answer}"`)
  if (url.pathname !== '/') throw new StartFault(`expected an address without a path, got "${answer}"`)
  return url.origin
}

async function askDomain(
  given: string | undefined,
  host: string,
  { terminal }: CommandContext,
): Promise<string> {
  if (given !== undefined) return given
  if (!terminal.interactive) return host
  const answer = await terminal.ask(`Under which domain do people get handles? (${host}) `)
  return answer === '' ? host : answer
}

interface Wish {
  readonly publicUrl: string
  readonly handleDomain: string
  readonly data: string
}

const secretBytes = 32

function configurationText({ publicUrl, handleDomain, data }: Wish, { random }: CommandContext): string {
  const secret = () => Buffer.from(random.bytes(secretBytes)).toString('base64url')
  return `# The settings of this Leaf server. Whoever reads this file owns the server: keep it to yourself.

PUBLIC_URL=${publicUrl}
PDS_HANDLE_DOMAIN=${handleDomain}
LEAF_DATA_DIR=${data}

# The sealing key. Every account's keys are encrypted with it. If it is lost, every account is lost, for good:
# keep a copy of this line somewhere else than on this server, and never change it.
PDS_KEY_ENCRYPTION_SECRET=${secret()}

# Signs sessions. If it is changed, everybody has to sign in again; nothing else is lost.
PDS_JWT_SECRET=${secret()}

# Whoever sends this may read /metrics.
LEAF_METRICS_TOKEN=${secret()}

# Who may sign up: open, invite, providers (people who come through GitHub, Google …), closed.
PDS_SIGN_UP=providers

# Sign-in with GitHub: register an OAuth app with the callback ${publicUrl}/pds/auth/github/callback
#GITHUB_CLIENT_ID=
#GITHUB_CLIENT_SECRET=

# Sign-in with Google: register an OAuth client with the callback ${publicUrl}/pds/auth/google/callback
#GOOGLE_CLIENT_ID=
#GOOGLE_CLIENT_SECRET=

# Mail goes out through this server.
#PDS_EMAIL_SMTP_URL=smtps://user:password@mail.example.org:465
#PDS_EMAIL_FROM_ADDRESS=leaf@${handleDomain}
`
}

function nextSteps(file: string, { publicUrl, handleDomain }: Wish): string[] {
  const start = file === defaultEnvFile ? '' : ` --config ${file}`
  return [
    `Wrote ${file}, with secrets that exist nowhere else.`,
    '',
    'Keep a copy of PDS_KEY_ENCRYPTION_SECRET somewhere else than on this server. It is the sealing key:',
    'the keys of every account are encrypted with it, and if it is lost, every account is lost. Nobody can bring it back.',
    '',
    'Next:',
    `  1. Point ${new URL(publicUrl).hostname} and *.${handleDomain} at this machine, with a proxy that does TLS in front of port 3334.`,
    `  2. Register the sign-in callbacks that stand in ${file}, and fill in what you get for them.`,
    `  3. Let "leaf doctor${start}" say what is still wrong.`,
    `  4. leaf start${start}`,
  ]
}
