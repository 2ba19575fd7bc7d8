import type { Command } from 'commander'
import { createOperatorFetch } from '../kernel/fetch.ts'
import { silentLogger } from '../kernel/log.ts'
import type { Relay } from '../pds/database/relays.ts'
import { createRelays, type Relays } from '../pds/sync/relays.ts'
import type { CommandContext } from './command.ts'
import { type DatabaseWork, withDatabase } from './database.ts'

interface RelayFlags {
  readonly config?: string
  readonly json?: true
}

type Act = (relays: Relays) => Promise<string>

/** `leaf relay`: which relays are told about this server, and what each of them answered. */
export function addRelay(program: Command, context: CommandContext): void {
  const relay = program.command('relay').description('The relays that are told about this server.')
  const sub = (usage: string, description: string, act: (host: string) => Act) =>
    relay
      .command(`${usage} <address>`)
      .description(description)
      .option('-c, --config <file>', 'settings, one NAME=value a line (default: leaf.env, if it is there)')
      .action((host: string, flags: RelayFlags) =>
        withDatabase(context, flags.config, async work => {
          context.terminal.line(await act(host)(relaysOf(work, context)))
        }),
      )
  relay
    .command('list', { isDefault: true })
    .description('List them, with what each answered and when.')
    .option('-c, --config <file>', 'settings, one NAME=value a line (default: leaf.env, if it is there)')
    .option('--json', 'answer as JSON')
    .action((flags: RelayFlags) => withDatabase(context, flags.config, work => list(flags, work, context)))
  sub('add', 'Add one, and ask it to crawl.', host => async relays => {
    await relays.add(host)
    return `${host} is told about this server from now on.`
  })
  sub('remove', 'Remove one.', host => async relays => {
    await relays.remove(host)
    return `${host} is removed.`
  })
  sub('enable', 'Tell one again.', host => async relays => {
    await relays.enable(host, true)
    return `${host} is told again.`
  })
  sub('disable', 'Keep one, but do not tell it.', host => async relays => {
    await relays.enable(host, false)
    return `${host} is not told any more.`
  })
}

function relaysOf({ database, configuration }: DatabaseWork, { clock }: CommandContext): Relays {
  const { house, pds } = configuration.values
  const publicHost = house.publicUrl === undefined ? undefined : new URL(house.publicUrl).hostname
  return createRelays({
    database,
    clock,
    logger: silentLogger,
    fetch: createOperatorFetch(),
    hostname: configuration.mode === 'production' ? (pds.hostname ?? publicHost) : undefined,
    configured: [],
  })
}

async function list(flags: RelayFlags, work: DatabaseWork, context: CommandContext): Promise<void> {
  const { terminal } = context
  const rows = await relaysOf(work, context).list()
  if (flags.json === true) terminal.line(JSON.stringify(rows))
  else if (rows.length === 0)
    terminal.line('No relay is told about this server. Add one with: leaf relay add <address>')
  else for (const row of rows) terminal.line(lineOf(row))
}

function lineOf(relay: Relay): string {
  const state = relay.enabled ? '' : ' (disabled)'
  if (relay.requestedAt === null) return `${relay.host}${state}: not asked yet`
  const when = new Date(relay.requestedAt).toISOString()
  if (relay.status === null) return `${relay.host}${state}: asked ${when}, no answer yet`
  const answer = relay.status === 0 ? 'could not be reached' : `answered ${relay.status}`
  return `${relay.host}${state}: ${answer} ${when}${relay.answer === null || relay.answer === '' ? '' : `: ${relay.answer}`}`
}
