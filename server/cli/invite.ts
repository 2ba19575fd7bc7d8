import type { Command } from 'commander'
import { createInvites } from '../pds/auth/invites.ts'
import type { CommandContext } from './command.ts'
import { type DatabaseWork, withDatabase } from './database.ts'

interface InviteFlags {
  readonly config?: string
  readonly uses: string
  readonly revoke?: string
  readonly list?: true
  readonly json?: true
}

/** `leaf invite`: makes, lists and revokes the codes with which people join where PDS_SIGN_UP is `invite`. */
export function addInvite(program: Command, context: CommandContext): void {
  program
    .command('invite')
    .description('Make an invite code, list the codes there are, or revoke one.')
    .option('-c, --config <file>', 'settings, one NAME=value a line (default: leaf.env, if it is there)')
    .option('-u, --uses <number>', 'how many people may join with the new code', '1')
    .option('-l, --list', 'list the codes instead')
    .option('-r, --revoke <code>', 'revoke a code instead')
    .option('--json', 'answer as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  leaf invite               a code for one person\n  leaf invite --uses 25     a code for a class\n  leaf invite --list',
    )
    .action((flags: InviteFlags) => withDatabase(context, flags.config, work => run(flags, work, context)))
}

async function run(flags: InviteFlags, { database, configuration }: DatabaseWork, context: CommandContext) {
  const { terminal, clock, random } = context
  const { house, pds } = configuration.values
  const hostname = pds.hostname ?? new URL(house.publicUrl ?? 'http://localhost').hostname
  const invites = createInvites({ database, clock, random, hostname })
  const tell = (value: unknown, lines: readonly string[]) => {
    if (flags.json === true) terminal.line(JSON.stringify(value))
    else for (const line of lines) terminal.line(line)
  }
  if (flags.revoke !== undefined) {
    const revoked = await invites.revoke(flags.revoke)
    tell({ revoked }, [revoked ? `${flags.revoke} is revoked.` : `There is no code ${flags.revoke}.`])
    context.exit(revoked ? 0 : 1)
    return
  }
  if (flags.list === true) {
    const rows = await invites.list()
    const lines = rows.map(row => `${row.code}  ${row.usesLeft} left`)
    tell(rows, lines.length === 0 ? ['There are no codes. Make one with: leaf invite'] : lines)
    return
  }
  const made = await invites.create({ uses: Number(flags.uses), createdBy: 'operator' })
  tell(made, [made.code])
}
