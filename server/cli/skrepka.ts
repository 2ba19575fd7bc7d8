import { backupKey, passphraseLengthMin, writeBackup } from '@leaf/skrepka/backup'
import { fromHex } from '@leaf/skrepka/hex'
import { identityFromSeed, seedBytes } from '@leaf/skrepka/identity'
import { toLink } from '@leaf/skrepka/link'
import { toWords } from '@leaf/skrepka/words'
import type { Command } from 'commander'
import { writeNewSecretFile } from '../kernel/env-file.ts'
import { StartFault } from '../kernel/lifecycle.ts'
import { migrations } from '../skrepka/database/schema.ts'
import { readPeers, type StoredPeer } from '../skrepka/mesh/peer-store.ts'
import type { CommandContext } from './command.ts'
import { withDatabase } from './database.ts'
import {
  defaultKeyFile,
  defaultRelay,
  inWords,
  type KeyFlags,
  passphraseOf,
  readText,
  relaysOf,
} from './skrepka-client.ts'
import { addRead, addSend } from './skrepka-mail.ts'

const peersMax = 10_000

/** `leaf skrepka`: sealed mail from the command line, and the relays that ours knows. */
export function addSkrepka(program: Command, context: CommandContext): void {
  const group = program
    .command('skrepka')
    .description('Sealed mail: keys, sending, reading; the relays that ours knows.')
  addKeygen(group, context)
  addSend(group, context)
  addRead(group, context)
  addPeers(group, context)
}

interface KeygenFlags extends KeyFlags {
  readonly relay: string
  readonly show?: true
}

function addKeygen(group: Command, context: CommandContext): void {
  group
    .command('keygen')
    .description('Make a key, and write it to a file that a passphrase closes.')
    .option('-k, --key <file>', 'the file to write; an existing one is never overwritten', defaultKeyFile)
    .option('-r, --relay <names>', 'relays that the link names, divided by commas', defaultRelay)
    .option('--passphrase-file <file>', 'where the passphrase stands, instead of being asked')
    .option('--show', 'make nothing; show link and words of the key that is there')
    .option('--json', 'answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  leaf skrepka keygen                                  asks for a passphrase
  leaf skrepka keygen -k ana.json -r relay.example     names the relay where Ana can be found
  leaf skrepka keygen --show                           the link to pass on`,
    )
    .action((flags: KeygenFlags) => inWords(() => keygen(flags, context)))
}

async function keygen(flags: KeygenFlags, context: CommandContext): Promise<void> {
  const { terminal, random } = context
  if (flags.show !== true) {
    const question = `A passphrase for ${flags.key}, at least ${passphraseLengthMin} characters: `
    const passphrase = await passphraseOf(flags, question, context)
    if (
      flags.passphraseFile === undefined &&
      (await passphraseOf(flags, 'Once more: ', context)) !== passphrase
    ) {
      throw new StartFault('these were two different passphrases; nothing was written')
    }
    const seed = random.bytes(seedBytes)
    const text = await writeBackup({ seed, passphrase, random: count => random.bytes(count) })
    await writeNewSecretFile(flags.key, text)
    if (identityFromSeed(seed).key !== backupKey(text))
      throw new Error('the file holds another key than was made')
  }
  const key = backupKey(await readText(flags.key, 'key file'))
  const link = toLink({ key, relays: relaysOf(flags.relay) })
  const words = toWords(fromHex(key, 64))
  if (flags.json === true) return terminal.line(JSON.stringify({ file: flags.key, key, words, link }))
  if (flags.show !== true) {
    terminal.line(
      `${flags.key} holds your key. Keep it and its passphrase: nobody can give them back to you.`,
    )
  }
  terminal.line(`Your link:   ${link}`)
  terminal.line(`Your words:  ${words}`)
}

interface PeersFlags {
  readonly config?: string
  readonly json?: true
}

function addPeers(group: Command, context: CommandContext): void {
  group
    .command('peers')
    .description('The relays that ours has heard of, and what is known of each.')
    .option('-c, --config <file>', 'settings, one NAME=value a line (default: leaf.env, if it is there)')
    .option('--json', 'answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  leaf skrepka peers           one line a relay
  leaf skrepka peers --json    for programs`,
    )
    .action((flags: PeersFlags) =>
      withDatabase(context, flags.config, async ({ database }) => {
        await database.migrate('skrepka', migrations)
        const peers = await database.read(tx => readPeers(tx, peersMax))
        const { terminal } = context
        if (flags.json === true) terminal.line(JSON.stringify(peers))
        else if (peers.length === 0)
          terminal.line('No other relay is known. Name some to begin with: SKREPKA_SEED_PEERS=relay.example')
        else for (const peer of peers) terminal.line(peerLine(peer))
      }),
    )
}

function peerLine({ server, heardAt, provenAt, reachedAt, features }: StoredPeer): string {
  const when = (at: number) => new Date(at).toISOString()
  const parts = [
    `heard of ${when(heardAt)}`,
    provenAt === undefined ? 'no login proven there' : `a login proven there ${when(provenAt)}`,
    reachedAt === undefined ? 'never reached' : `reached ${when(reachedAt)}`,
    ...(features.length === 0 ? [] : [features.join(', ')]),
  ]
  return `${server}: ${parts.join('; ')}`
}
