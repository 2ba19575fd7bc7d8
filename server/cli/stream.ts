import { type Command, InvalidArgumentError } from 'commander'
import { Refusal } from '../kernel/errors.ts'
import { isDid } from '../kernel/identity/did.ts'
import type { CommandContext } from './command.ts'

const configFlag = [
  '-c, --config <file>',
  'settings, one NAME=value a line (default: leaf.env, if it is there)',
] as const
const jsonFlag = ['--json', 'answer as JSON'] as const

/** `leaf stream`: what operators do with streams. What it needs is loaded when one of its commands runs. */
export function addStream(program: Command, context: CommandContext): void {
  const stream = program
    .command('stream')
    .description('The streams of this server.')
    .addHelpText(
      'after',
      `
Examples:
  leaf stream list --owner did:plc:ewvi7nxzyoun6zhxrhs64oiz
  leaf stream freeze did:plc:z72i7hdynmk6r22z27h6tvur
  leaf stream backup --all --to /backups/streams      also while Leaf runs
  leaf stream restore --from /backups/streams         while it does not`,
    )
  addLooking(stream, context)
  addActs(stream, context)
  addQuota(stream, context)
  addBackup(stream, context)
  addBringing(stream, context)
}

function addLooking(stream: Command, context: CommandContext): void {
  stream
    .command('list', { isDefault: true })
    .description('List streams, by DID. Leaf may run.')
    .option('-o, --owner <did>', 'only those of an owner', didOf)
    .option('-m, --module <cid>', 'only those that use a module')
    .option('--frozen', 'only those that are frozen')
    .option('-a, --after <did>', 'go on after this one', didOf)
    .option('-n, --limit <number>', 'at most so many', countOf, 100)
    .option(...jsonFlag)
    .option(...configFlag)
    .action(async flags => (await import('./stream-tables.ts')).listStreamRows(context, flags))
  stream
    .command('show <did>')
    .description('Tell everything about one. Leaf may run.')
    .option(...jsonFlag)
    .option(...configFlag)
    .action(async (did, flags) =>
      (await import('./stream-tables.ts')).showStream(context, checkedDid(did), flags),
    )
}

function addActs(stream: Command, context: CommandContext): void {
  for (const frozen of [true, false]) {
    stream
      .command(frozen ? 'freeze <did>' : 'unfreeze <did>')
      .description(
        frozen
          ? 'Let nobody add to a stream; it can be read. Leaf may run.'
          : 'Let people add to it again. Leaf may run.',
      )
      .option(...configFlag)
      .action(async (did, flags) =>
        (await import('./stream-tables.ts')).freezeStream(context, checkedDid(did), { ...flags, frozen }),
      )
  }
  stream
    .command('delete <did>')
    .description('Delete a stream with all of its events. Leaf may run.')
    .option('-y, --yes', 'do not ask')
    .option(...configFlag)
    .action(async (did, flags) =>
      (await import('./stream-tables.ts')).deleteStream(context, checkedDid(did), flags),
    )
}

function addQuota(stream: Command, context: CommandContext): void {
  stream
    .command('quota <owner>')
    .description(
      'Tell how much an owner may have and has, or set it. Leaf may run: it knows within half a minute.',
    )
    .option('-s, --streams <number>', 'how many streams', countOf)
    .option('-b, --bytes <number>', 'how many bytes of events: 1073741824, 512MB, 2GB', bytesOf)
    .option('--default', 'take back what was set: the house’s own quota holds')
    .option(...jsonFlag)
    .option(...configFlag)
    .addHelpText(
      'after',
      '\nExamples:\n  leaf stream quota did:plc:z72i7hdynmk6r22z27h6tvur --streams 500 --bytes 2GB',
    )
    .action(async (owner, flags) =>
      (await import('./stream-tables.ts')).streamQuota(context, checkedDid(owner), flags),
    )
}

function addBackup(stream: Command, context: CommandContext): void {
  stream
    .command('backup [did]')
    .description(
      'Write a stream, or all of them, into a folder. Leaf may run. A second time only what is new.',
    )
    .option('--all', 'every stream')
    .requiredOption('-t, --to <folder>', 'where to')
    .option(...jsonFlag)
    .option(...configFlag)
    .addHelpText(
      'after',
      `
The objects are laid out as the Leaf Framework's server does it; keys are in them only sealed, so keep
PDS_KEY_ENCRYPTION_SECRET, too.

Examples:
  leaf stream backup did:plc:z72i7hdynmk6r22z27h6tvur --to ./one
  leaf stream backup --all --to /backups/streams`,
    )
    .action(async (did, flags) => {
      if ((did === undefined) === (flags.all !== true)) {
        throw new Refusal('invalid', 'name one stream, or say --all')
      }
      const streams = await import('./stream-transfer.ts')
      await streams.backUp(context, did === undefined ? undefined : checkedDid(did), flags)
    })
}

function addBringing(stream: Command, context: CommandContext): void {
  const stopped = 'Leaf must be stopped. What is here already stays as it is, and it can be repeated.'
  stream
    .command('restore [did]')
    .description(`Bring back a stream of a backup, or all of them. ${stopped}`)
    .requiredOption('-f, --from <folder>', 'where the backup is')
    .option(...jsonFlag)
    .option(...configFlag)
    .addHelpText('after', '\nExamples:\n  leaf stream restore --from /backups/streams')
    .action(async (did, flags) => {
      const streams = await import('./stream-transfer.ts')
      await streams.restore(context, did === undefined ? undefined : checkedDid(did), flags)
    })
  stream
    .command('import <folder>')
    .description(`Bring in the streams of a data folder of the Leaf Framework’s server. ${stopped}`)
    .option(...jsonFlag)
    .option(...configFlag)
    .addHelpText(
      'after',
      `
The folder has leaf.db and streams/; it is only read. Its server must be stopped, too. Keys are sealed
on the way. Modules make their tables of the events when a stream is first used.

Examples:
  leaf stream import /var/lib/leaf-framework`,
    )
    .action(async (folder, flags) =>
      (await import('./stream-transfer.ts')).importFolder(context, folder, flags),
    )
}

function checkedDid(text: string): string {
  if (!isDid(text))
    throw new Refusal('invalid', `expected a DID like did:plc:z72i7hdynmk6r22z27h6tvur, got ${text}`)
  return text
}

function didOf(text: string): string {
  if (!isDid(text)) throw new InvalidArgumentError('expected a DID')
  return text
}

function countOf(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError('expected a number')
  return Number(text)
}

const unitBytes = { '': 1, B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 } as const

function bytesOf(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,12})\s*(B|KB|MB|GB|TB)?$/i.exec(text) ?? []
  const found = Object.entries(unitBytes).find(([name]) => name === unit.toUpperCase())
  if (digits === '' || found === undefined)
    throw new InvalidArgumentError('expected bytes, as 1048576 or 2GB')
  const bytes = Number(digits) * found[1]
  if (!Number.isSafeInteger(bytes)) throw new InvalidArgumentError('expected fewer bytes')
  return bytes
}
